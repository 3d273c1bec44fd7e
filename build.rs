//! Packs the files that browsers load, once, so that serving them packed costs nothing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

/// What `src/web` serves.
const FILES: &[&str] = &[
    "client/dist/backplane.js",
    "client/dist/backplane.mjs",
    "client/dist/backplane.d.mts",
    "src/web/demo/page.html",
    "src/web/demo/page.js",
    "src/web/demo/style.css",
    "src/web/demo/way.js",
    "src/web/demo/widgets.js",
    "src/web/demo/wire.js",
];

fn main() -> io::Result<()> {
    let folder = std::env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
        let name = Path::new(file).file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let target = File::create(folder.join(name).with_added_extension("gz"))?;
        // Neither a name nor a time: the same file is packed into the same bytes.
        let mut gzip = GzBuilder::new().write(target, Compression::best());
        io::copy(&mut fs::read(file)?.as_slice(), &mut gzip)?;
        gzip.finish()?;
    }
    Ok(())
}
