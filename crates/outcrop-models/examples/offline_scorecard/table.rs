//! What was measured, beside the floors and the goals.

use serde_json::json;
use std::fmt::Write as _;

/// One measure of one set.
struct Line {
    set: String,
    measure: &'static str,
    /// Share over all entries, over the first and over the second half.
    shares: [f64; 3],
    count: usize,
    floor: Option<f64>,
    goal: Option<f64>,
}

/// The scorecard.
pub(crate) struct Table {
    door: &'static str,
    lines: Vec<Line>,
    /// Milliseconds of a step with 40 tools: the mean, and the slowest of a hundred.
    pub(crate) speed: Option<(f64, f64)>,
}

/// Points of one entry: how many of how many, and the entry's name, which decides its half.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) id: String,
    pub(crate) got: f64,
    pub(crate) of: f64,
}

impl Point {
    /// One entry that is right or not.
    pub(crate) fn of(id: &str, right: bool) -> Self {
        Self { id: id.to_owned(), got: f64::from(u8::from(right)), of: 1.0 }
    }

    /// Whether an entry belongs to the first half: by a hash of its name, so that both halves are of one kind.
    fn is_first(&self) -> bool {
        let hash =
            self.id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        (hash >> 7) & 1 == 0
    }
}

impl Table {
    pub(crate) fn new(door: &'static str) -> Self {
        Self { door, lines: Vec::new(), speed: None }
    }

    /// Adds a measure: the share of what was to be got.
    pub(crate) fn add(
        &mut self,
        set: &str,
        measure: &'static str,
        (floor, goal): (Option<f64>, Option<f64>),
        points: &[Point],
    ) {
        let share = |which: &dyn Fn(&Point) -> bool| {
            let chosen = points.iter().filter(|point| which(point));
            let (got, of) = chosen.fold((0.0, 0.0), |(got, of), point| (got + point.got, of + point.of));
            if of == 0.0 { 0.0 } else { got / of }
        };
        let shares = [share(&|_| true), share(&Point::is_first), share(&|point| !point.is_first())];
        self.lines.push(Line { set: set.to_owned(), measure, shares, count: points.len(), floor, goal });
    }

    pub(crate) fn text(&self) -> String {
        let mut out = format!("offline planner, {}\n", self.door);
        let _ = writeln!(
            out,
            "{:18} {:34} {:>5} {:>7} {:>7} {:>7} {:>6} {:>6}",
            "set", "measure", "n", "all", "half 1", "half 2", "floor", "goal"
        );
        let shown = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"));
        for line in &self.lines {
            let [all, first, second] = line.shares;
            let met = match line.goal {
                Some(goal) if all + 1e-9 < goal => "  below the goal",
                _ => "",
            };
            let _ = writeln!(
                out,
                "{:18} {:34} {:>5} {:>7.3} {:>7.3} {:>7.3} {:>6} {:>6}{met}",
                line.set,
                line.measure,
                line.count,
                all,
                first,
                second,
                shown(line.floor),
                shown(line.goal)
            );
        }
        if let Some((mean, slow)) = self.speed {
            let _ = writeln!(out, "a step with 40 tools: {mean:.2} ms, the slowest of a hundred {slow:.2} ms");
        }
        out.trim_end().to_owned()
    }

    pub(crate) fn json(&self) -> String {
        let lines: Vec<serde_json::Value> = self
            .lines
            .iter()
            .map(|line| {
                let [all, first, second] = line.shares;
                json!({"set": line.set, "measure": line.measure, "n": line.count, "all": all, "firstHalf": first,
                    "secondHalf": second, "floor": line.floor, "goal": line.goal})
            })
            .collect();
        let speed = self.speed.map(|(mean, slow)| json!({"meanMs": mean, "slowestOfHundredMs": slow}));
        json!({"door": self.door, "lines": lines, "stepWith40Tools": speed}).to_string()
    }
}
