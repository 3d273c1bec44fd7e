/** The version of this library; package.json is the one place where it stands. */
import { version } from "../package.json";

export const VERSION: string = version;
