//! What a worker does: it reads one file, decodes it and makes the picture small.

use std::error::Error;
use std::io::Cursor;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use pm_runtime::worker_query;
use serde::{Deserialize, Serialize};

use crate::demo;

#[derive(Serialize, Deserialize)]
pub(crate) struct Thumbnail {
    /// Width and height of the picture, in pixels.
    pub(crate) size: (u32, u32),
    /// From the file to the thumbnail.
    pub(crate) took: Duration,
    pub(crate) png: Vec<u8>,
}

/// Makes a thumbnail, or says why there is none.
///
/// A file on which the decoder dies is no reason to give the pool up, so that any number of crashes
/// is made good. What a dying worker prints is kept for its report.
#[worker_query(max_crashes = None, memory_limit = "512MiB", stdio = "capture")]
pub(crate) fn thumbnail(path: PathBuf) -> Result<Thumbnail, String> {
    let start = Instant::now();
    let file = std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?;
    let picture = decode(&file).map_err(|reason| format!("it is broken: {reason}"))?;
    let mut png = Cursor::new(Vec::new());
    let small = picture.thumbnail(160, 160).into_rgba8();
    small.write_to(&mut png, ImageFormat::Png).map_err(|error| error.to_string())?;
    let size = (picture.width(), picture.height());
    Ok(Thumbnail { size, took: start.elapsed(), png: png.into_inner() })
}

fn decode(file: &[u8]) -> Result<DynamicImage, Box<dyn Error>> {
    if let Some(picture) = demo::stripes(file) {
        return Ok(picture?.into());
    }
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    // What holds is the limit of the worker, which knows all the memory that is in use.
    reader.no_limits();
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}
