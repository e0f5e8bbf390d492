//! Turns an SVG into a PNG of twice its size: `png FROM TO`.

use std::error::Error;
use std::ffi::OsString;
use std::sync::Arc;

use epaint_default_fonts::{HACK_REGULAR, UBUNTU_LIGHT};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels for each unit of the drawing.
const SCALE: f32 = 2.0;

fn main() -> Result<(), Box<dyn Error>> {
    let [from, to]: [OsString; 2] = std::env::args_os()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "it takes two names of files")?;
    let mut options = Options::default();
    // Fonts of its own: a machine that measures may have none.
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(UBUNTU_LIGHT.to_vec());
    fonts.load_font_data(HACK_REGULAR.to_vec());
    let family = fonts.faces().next().and_then(|face| Some(face.families.first()?.0.clone()));
    fonts.set_sans_serif_family(family.ok_or("there is no font")?);
    let tree = Tree::from_data(&std::fs::read(from)?, &options)?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or("it has no size")?;
    let mut picture = Pixmap::new(size.width(), size.height()).ok_or("it is too large")?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
    Ok(picture.save_png(to)?)
}
