//! Packs the files that browsers load, once, so that serving them packed costs nothing; and writes the description of the API, and the page
//! of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use backplane_openapi::{Listener, document, page};
use flate2::{Compression, GzBuilder};

/// What `src/web` serves.
const FILES: &[&str] = &[
    "client/dist/backplane.js",
    "client/dist/backplane2.js",
    "client/dist/backplane.mjs",
    "client/dist/backplane.d.mts",
    "src/web/demo/identity.html",
    "src/web/demo/identity.js",
    "src/web/demo/lanes.css",
    "src/web/demo/lanes.js",
    "src/web/demo/page.html",
    "src/web/demo/page.js",
    "src/web/demo/way.js",
    "src/web/demo/widgets.js",
    "src/web/demo/widgets2.js",
    "src/web/demo/wire.js",
];

/// What all its pages look like, and what each of them has besides.
const COMMON: &str = "src/web/common.css";
const STYLES: &[&str] =
    &["src/web/consent/consent.css", "src/web/demo/style.css", "src/web/description/openapi.css"];

fn main() -> io::Result<()> {
    let folder = std::env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
        let name = Path::new(file).file_name().ok_or(io::ErrorKind::InvalidInput)?;
        pack(&folder.join(name), &fs::read(file)?)?;
    }
    println!("cargo::rerun-if-changed={COMMON}");
    for file in STYLES {
        println!("cargo::rerun-if-changed={file}");
        let name = Path::new(file).file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let style = [fs::read(COMMON)?, fs::read(file)?].concat();
        fs::write(folder.join(name), &style)?;
        pack(&folder.join(name), &style)?;
    }
    let release = std::env::var("CARGO_PKG_VERSION").map_err(io::Error::other)?;
    for listener in Listener::ALL {
        let document = document(listener, &release);
        for (kind, text) in [("json", document.to_string()), ("html", page(&document))] {
            let file = folder.join(listener.file()).with_added_extension(kind);
            fs::write(&file, &text)?;
            pack(&file, text.as_bytes())?;
        }
    }
    Ok(())
}

/// Writes these bytes, packed, into a file beside this one.
fn pack(file: &Path, mut bytes: &[u8]) -> io::Result<()> {
    let target = File::create(file.with_added_extension("gz"))?;
    // Neither a name nor a time: the same file is packed into the same bytes.
    let mut gzip = GzBuilder::new().write(target, Compression::best());
    io::copy(&mut bytes, &mut gzip)?;
    gzip.finish()?;
    Ok(())
}
