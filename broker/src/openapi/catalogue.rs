//! docs/errors.md: every code of a problem, what it means and what an app should do.

use std::fmt::Write as _;

use tidegate_protocol::problem::{ProblemClass, ProblemCode};

/// The page, in Markdown.
#[must_use]
pub fn catalogue() -> String {
    let mut page = "# Codes of problems\n\nMade from `protocol/src/problem.rs`. Every error of the broker is a problem document \
        ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with one of these codes as\n`code`, a `message` for people, and a `correlationId` that finds it in the \
        broker's log. Codes are never reused; an app treats one that it does not know by its HTTP\nstatus: 401 as *re-authenticate*, 408, 429 and 5xx as *retry*, \
        409 as *conflict*, 403 as *denied*, the rest as *invalid*.\n"
        .to_owned();
    for class in ProblemClass::ALL {
        let _ =
            write!(page, "\n## {}\n\n{}\n\n| code | HTTP status | meaning |\n|---|---|---|\n", class.as_str(), class.advice());
        for code in ProblemCode::ALL.iter().filter(|code| code.class() == class) {
            let _ = writeln!(page, "| `{code}` | {} | {} |", code.status(), code.meaning());
        }
    }
    page
}
