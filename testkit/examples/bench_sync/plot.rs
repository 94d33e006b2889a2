//! The plot: wall time of each task by tool, on a logarithmic scale. Drawn here, in SVG, with nothing else.

use std::fmt::Write as _;

use super::outcome::{Outcome, Row};

const WIDTH: f64 = 980.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 70.0;
const BAR: f64 = 13.0;
const GAP: f64 = 12.0;

/// One colour a tool, apart from each other for all kinds of sight (Okabe and Ito).
const COLOURS: [&str; 5] = ["#0072b2", "#56b4e9", "#e69f00", "#d55e00", "#009e73"];

/// The whole picture.
pub(crate) fn svg(outcome: &Outcome) -> String {
    let rows = outcome.rows();
    let bars = |row: &Row| outcome.tools.iter().filter_map(|tool| outcome.cell(*row, tool)).collect::<Vec<_>>();
    let times: Vec<f64> = rows.iter().flat_map(bars).map(|cell| cell.wall).collect();
    let scale = Scale::over(&times);
    #[expect(clippy::cast_precision_loss, reason = "a few dozen bars")]
    let group = outcome.tools.len() as f64 * BAR + GAP;
    #[expect(clippy::cast_precision_loss, reason = "a few dozen rows")]
    let height = TOP + rows.len() as f64 * group + 40.0;

    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"bold\">Wall time in seconds (logarithmic: shorter is better)</text>\n"
    );
    legend(&mut text, outcome);
    grid(&mut text, &scale, height);
    let mut y = TOP;
    for row in rows {
        let name = if row.with_history { format!("{}, long history", row.name(outcome)) } else { row.name(outcome) };
        #[expect(clippy::cast_precision_loss, reason = "a handful of tools")]
        let middle = y + outcome.tools.len() as f64 * BAR / 2.0 + 4.0;
        let _ = writeln!(text, "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>", LEFT - 10.0, escaped(&name));
        for (index, tool) in outcome.tools.iter().enumerate() {
            if let Some(cell) = outcome.cell(row, tool) {
                bar(&mut text, &scale, y, index, cell.wall);
            }
            y += BAR;
        }
        y += GAP;
    }
    text.push_str("</svg>\n");
    text
}

fn bar(text: &mut String, scale: &Scale, y: f64, index: usize, seconds: f64) {
    let width = (scale.x(seconds) - LEFT).max(1.0);
    let (colour, height) = (COLOURS[index % COLOURS.len()], BAR - 2.0);
    let _ = writeln!(text, "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{colour}\"/>");
    let (x, y) = (LEFT + width + 4.0, y + BAR - 3.0);
    let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"10\" fill=\"#444444\">{seconds:.2}</text>");
}

fn legend(text: &mut String, outcome: &Outcome) {
    let mut x = 12.0;
    for (index, tool) in outcome.tools.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let _ = writeln!(text, "<rect x=\"{x:.0}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{colour}\"/>");
        let _ = writeln!(text, "<text x=\"{:.0}\" y=\"46\">{}</text>", x + 17.0, escaped(tool));
        #[expect(clippy::cast_precision_loss, reason = "names are short")]
        let width = tool.len() as f64 * 7.0;
        x += 40.0 + width;
    }
}

fn grid(text: &mut String, scale: &Scale, height: f64) {
    for power in scale.first..=scale.last {
        let seconds = 10_f64.powi(power);
        let x = scale.x(seconds);
        let bottom = height - 30.0;
        let _ =
            writeln!(text, "<line x1=\"{x:.1}\" y1=\"{:.0}\" x2=\"{x:.1}\" y2=\"{bottom:.0}\" stroke=\"#dddddd\"/>", TOP - 8.0);
        let _ = writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#444444\">{seconds}</text>",
            bottom + 16.0
        );
    }
}

/// Whole powers of ten around all figures.
struct Scale {
    first: i32,
    last: i32,
}

impl Scale {
    fn over(times: &[f64]) -> Self {
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        if !least.is_finite() || least <= 0.0 {
            return Self { first: -1, last: 1 };
        }
        #[expect(clippy::cast_possible_truncation, reason = "seconds between a microsecond and a year")]
        let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        Self { first, last: last.max(first + 1) }
    }

    fn x(&self, seconds: f64) -> f64 {
        let part = (seconds.log10() - f64::from(self.first)) / f64::from(self.last - self.first);
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_holds_every_figure() {
        let scale = Scale::over(&[0.03, 2.0, 45.0]);
        assert_eq!((scale.first, scale.last), (-2, 2));
        assert!(scale.x(0.03) > LEFT && scale.x(45.0) < WIDTH - RIGHT);
        assert_eq!(scale.x(100.0), WIDTH - RIGHT);
    }
}
