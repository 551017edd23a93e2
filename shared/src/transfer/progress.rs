//! How far long work is: on terminals only.

use indicatif::{ProgressBar, ProgressStyle};

/// A line on standard error, where that is a terminal.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Of work that is called `what`, with `total` steps where that is known.
    pub fn new(what: &'static str, total: Option<u64>) -> Self {
        let (bar, template) = match total {
            Some(total) => {
                (ProgressBar::new(total), "{msg} {wide_bar} {human_pos}/{human_len} ({per_sec}, {eta} left)")
            }
            None => (ProgressBar::no_length(), "{msg} {spinner} {human_pos} ({per_sec})"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(bar)
    }

    /// So many further steps are done.
    pub fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }

    /// Prints a line that stays, above it.
    pub fn print(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
