//! Names of tools: what providers accept, short, unique, and stable for the same input.

use std::collections::HashSet;

/// Longest name providers accept.
const NAME_CHARS_MAX: usize = 64;

/// Hands out names and remembers them.
#[derive(Default)]
pub(super) struct ToolNames {
    taken: HashSet<String>,
}

impl ToolNames {
    /// Joins the parts with `__`, as the service does (`group__function`, `VERB__group__operation`), replaces what
    /// providers refuse, and shortens from the front so that the last part, which says most, stays readable.
    pub(super) fn make(&mut self, parts: &[&str]) -> String {
        let mut name = parts.iter().map(|part| clean(part)).collect::<Vec<_>>().join("__");
        if name.len() > NAME_CHARS_MAX {
            let digest = format!("{:08x}__", fnv(&name));
            let keep = NAME_CHARS_MAX - digest.len();
            name = digest + &name[name.len() - keep..];
        }
        let mut unique = name.clone();
        let mut count = 2;
        while !self.taken.insert(unique.clone()) {
            let suffix = format!("_{count}");
            unique = format!("{}{suffix}", &name[..name.len().min(NAME_CHARS_MAX - suffix.len())]);
            count += 1;
        }
        unique
    }
}

fn clean(part: &str) -> String {
    part.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}

/// FNV-1a, 32 bits: stable across builds, which the standard hasher is not.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_accepted_unique_and_stable() {
        let mut names = ToolNames::default();
        assert_eq!(names.make(&["OrderTools", "get_order_status"]), "OrderTools__get_order_status");
        assert_eq!(names.make(&["OrderTools", "get_order_status"]), "OrderTools__get_order_status_2");
        assert_eq!(names.make(&["GET", "orders", "get.Order/Status é"]), "GET__orders__get_Order_Status__");
        let long = names.make(&["POST", &"g".repeat(60), "createTheVeryLongThing"]);
        assert_eq!(long.len(), 64);
        assert!(long.ends_with("__createTheVeryLongThing"));
        assert_ne!(names.make(&["POST", &"g".repeat(60), "createTheVeryLongThing"]), long);
    }
}
