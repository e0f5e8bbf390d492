//! What became of the files, as a page to look at.

use std::fmt::{self, Write};

use crate::Outcome;

const HEAD: &str = "<!doctype html>
<html lang=en><meta charset=utf-8><title>Thumbnails</title>
<style>
body { font: 15px/1.5 sans-serif; max-width: 1040px; margin: 2em auto; padding: 0 1em; color: #222 }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, 160px); gap: 1em; font-size: 12px }
.sheet, td { overflow-wrap: anywhere; vertical-align: top }
img { display: block; width: 160px; height: 160px; object-fit: contain; background: #f1f1f1 }
svg { font-size: 12px; fill: #555 }
</style>
<h1>Thumbnails</h1>
";

/// The folder that thumbnails are in, and in which no other pictures are looked for.
pub(crate) const FOLDER: &str = "thumbnails";

pub(crate) fn thumbnail(number: usize) -> String {
    format!("{FOLDER}/{:05}.png", number + 1)
}

pub(crate) fn page(outcomes: &[Outcome]) -> Result<String, fmt::Error> {
    let (mut sheet, mut refused) = (String::new(), String::new());
    for (number, (path, result)) in outcomes.iter().enumerate() {
        let name = escaped(&path.display().to_string());
        match result {
            Ok(done) => {
                let (file, (width, height)) = (thumbnail(number), done.size);
                writeln!(sheet, "<div><img src={file}>{name}<br>{width} × {height}</div>")?;
            }
            Err(reason) => writeln!(refused, "<tr><td>{name}<td>{}", escaped(reason))?,
        }
    }
    Ok(format!(
        "{HEAD}<div class=sheet>\n{sheet}</div>\n<h2>Refused files</h2>\n<table cellpadding=4>\n\
         {refused}</table>\n<h2>Time for one picture, by its size</h2>\n{}",
        plot(outcomes)?,
    ))
}

/// A dot for each picture. Both axes are logarithmic, and the same on every page.
fn plot(outcomes: &[Outcome]) -> Result<String, fmt::Error> {
    const COLOURS: [(&str, &str); 3] = [("jpg", "#e07b00"), ("png", "#1f77b4"), ("other", "#393")];
    let x = |pixels: f64| 70.0 + 200.0 * (pixels.clamp(1e4, 1e8).log10() - 4.0);
    let y = |ms: f64| 340.0 - 60.0 * (ms.clamp(0.1, 1e4).log10() + 1.0);
    let mut svg = String::from("<svg width=900 height=390 text-anchor=middle>\n");
    for (label, x) in [0.01, 0.1, 1.0, 10.0, 100.0].map(|label| (label, x(label * 1e6))) {
        writeln!(svg, "<path d=\"M{x} 40V340\" stroke=#ddd /><text x={x} y=358>{label}</text>")?;
    }
    for (label, y) in [0.1, 1.0, 10.0, 100.0, 1e3, 1e4].map(|label| (label, y(label))) {
        write!(svg, "<path d=\"M70 {y}H870\" stroke=#ddd />")?;
        writeln!(svg, "<text x=40 y={y} dy=4>{label}</text>")?;
    }
    svg += "<text x=470 y=380>million pixels</text><text x=40 y=20>ms</text>\n";
    for ((kind, colour), x) in COLOURS.iter().zip([680, 740, 800]) {
        write!(svg, "<circle cx={x} cy=16 r=4 fill={colour} />")?;
        writeln!(svg, "<text x={x} dx=9 y=20 text-anchor=start>{kind}</text>")?;
    }
    for (path, result) in outcomes {
        let Ok(done) = result else { continue };
        let ending = path.extension().unwrap_or_default();
        let (_, colour) = COLOURS.iter().find(|(kind, _)| *kind == ending).unwrap_or(&COLOURS[2]);
        let pixels = f64::from(done.size.0) * f64::from(done.size.1);
        let (x, y) = (x(pixels), y(done.took.as_secs_f64() * 1e3));
        writeln!(svg, "<circle cx={x:.1} cy={y:.1} r=4 fill={colour} fill-opacity=.7 />")?;
    }
    Ok(svg + "</svg>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
