//! Pictures to try it on, some of which are hostile, and a toy format for the worst of them.

use std::{error::Error, fs, path::Path};

use image::{Rgb, RgbImage};

/// How files of the toy format begin, whose decoder believes what it reads.
const STRIPES: &[u8] = b"STRIPES1";
const WIDTH: usize = 400;

/// Decodes a file, if it is of the toy format.
pub(crate) fn stripes(file: &[u8]) -> Option<Result<RgbImage, &'static str>> {
    let (start, mut pixels) = (STRIPES.len(), Vec::new());
    let whole = file.starts_with(STRIPES).then(|| paint(file, start, &mut pixels))?;
    let height = pixels.len() / (3 * WIDTH);
    let picture = whole.and_then(|()| RgbImage::from_raw(WIDTH as u32, height as u32, pixels));
    Some(picture.ok_or("it ends too early"))
}

/// A stripe is twelve bytes: its colour and height, and where the stripe is that follows, and the first
/// of those that come in between; 0: there is none.
fn paint(file: &[u8], mut at: usize, pixels: &mut Vec<u8>) -> Option<()> {
    loop {
        let word = |index: usize| file.get(at + 4 * index..)?.first_chunk().copied();
        let ([red, green, blue, height], next, between) = (word(0)?, word(1)?, word(2)?);
        pixels.extend([red, green, blue].repeat(WIDTH * usize::from(height)));
        if between != [0; 4] {
            paint(file, u32::from_le_bytes(between) as usize, pixels)?;
        }
        if next == [0; 4] {
            return Some(());
        }
        at = u32::from_le_bytes(next) as usize;
    }
}

/// A header that speaks of 30,000 × 30,000 pixels of eight bytes each, and hardly any data.
const BOMB: [&[u8]; 3] = [
    b"\x89PNG\r\n\x1a\n",
    b"\0\0\0\x0dIHDR\0\0u0\0\0u0\x10\x06\0\0\x006\xb7\x24\xf9",
    b"\0\0\0\x11IDATx\x9cc\x60\x18\x05\xa3\x60\x14\x0cw\0\0\x03\xe8\0\x01\xb3\xa6\xd3F",
];

/// Returns how many are hostile.
pub(crate) fn write(folder: &Path) -> Result<usize, Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for number in 1..=36 {
        let ending = if number % 2 == 0 { "png" } else { "jpg" };
        draw(number as f32).save(folder.join(format!("{number:02}.{ending}")))?;
    }
    let stripe = |height, next, between| {
        [[90 + next, 150 - between, 200 - next, height], [next, 0, 0, 0], [between, 0, 0, 0]]
            .concat()
    };
    let well = [STRIPES, &stripe(90, 20, 32), &stripe(90, 0, 0), &stripe(90, 0, 0)].concat();
    fs::write(folder.join("37.stripes"), well)?;
    let half = fs::read(folder.join("36.png"))?;
    let hostile = [
        ("bomb.png", BOMB.concat()),
        // In the stripe comes the same one; behind the stripe comes the same one.
        ("bottomless.stripes", [STRIPES, &stripe(0, 0, 8)].concat()),
        ("endless.stripes", [STRIPES, &stripe(0, 8, 0)].concat()),
        ("half.png", half[..half.len() / 2].to_vec()),
        ("text.jpg", b"This is no picture at all.".to_vec()),
    ];
    for (name, bytes) in &hostile {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(hostile.len())
}

/// Draws hills under a sky, in colours of its own; each picture is larger than the one before.
fn draw(number: f32) -> RgbImage {
    let width = 120.0 * 1.065_f32.powf(number);
    RgbImage::from_fn(width as u32, (width / 1.5) as u32, |x, y| {
        let (x, y) = (x as f32 / width, 1.5 * y as f32 / width);
        let hill = |n: f32| 0.35 + 0.16 * n + (3.1 * n * (x + number)).sin() * 0.1;
        let hills = [1.0, 2.0, 3.0].into_iter().filter(|&n| y > hill(n)).count() as f32;
        let light = 255.0 * (0.95 - 0.2 * hills - 0.3 * (y - 0.3).abs());
        let shade = |phase: f32| light * (0.62 + 0.38 * (number * 0.7 + phase + hills * 0.5).sin());
        Rgb([shade(0.0) as u8, shade(0.9) as u8, shade(1.8) as u8])
    })
}
