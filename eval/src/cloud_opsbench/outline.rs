//! Parser of indented text, as `kubectl describe` prints it.

/// A line `Key:  value` with the lines that are indented below it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// The value, and the lines below it that have no key of their own.
    pub(crate) values: Vec<String>,
    pub(crate) below: Vec<Entry>,
}

impl Entry {
    /// The whole text as one entry without a key.
    pub(crate) fn parse(text: &str) -> Self {
        let mut root = Self::default();
        // The entries from the root to the last line's, with their indentation.
        let mut path: Vec<(usize, Self)> = Vec::new();
        for line in text.lines() {
            let content = line.trim_start();
            if content.is_empty() {
                continue;
            }
            let indent = line.len() - content.len();
            while path.last().is_some_and(|(above, _)| *above >= indent) {
                close(&mut path, &mut root);
            }
            let entry = Self::of_line(content);
            match (entry, path.last_mut()) {
                (Some(entry), _) => path.push((indent, entry)),
                (None, Some((_, above))) => above.values.push(content.trim_end().to_owned()),
                (None, None) => root.values.push(content.trim_end().to_owned()),
            }
        }
        while !path.is_empty() {
            close(&mut path, &mut root);
        }
        root
    }

    fn of_line(content: &str) -> Option<Self> {
        let (key, value) = match content.split_once(": ") {
            Some((key, value)) => (key, value.trim()),
            None => (content.trim_end().strip_suffix(':')?, ""),
        };
        let values = (!value.is_empty()).then(|| value.to_owned());
        Some(Self {
            key: key.trim().to_owned(),
            values: values.into_iter().collect(),
            below: Vec::new(),
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.below.iter().find(|entry| entry.key == key)
    }

    /// The first value of an entry below; empty if there is none or it is `<none>`.
    pub(crate) fn text(&self, key: &str) -> &str {
        let value = self.get(key).and_then(|entry| entry.values.first());
        value
            .map(String::as_str)
            .filter(|value| !matches!(*value, "<none>" | "<unset>"))
            .unwrap_or_default()
    }

    /// The lines of an entry below as they were printed, whether or not they look like `Key: value`.
    pub(crate) fn lines(&self, key: &str) -> Vec<String> {
        let Some(entry) = self.get(key) else {
            return Vec::new();
        };
        let keyed = entry.below.iter().map(|below| {
            let value = below.values.first().map(String::as_str).unwrap_or_default();
            format!("{}: {value}", below.key)
        });
        entry.values.iter().cloned().chain(keyed).collect()
    }

    /// All values of an entry below.
    pub(crate) fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        let values = self.get(key).map(|entry| entry.values.as_slice());
        values
            .unwrap_or_default()
            .iter()
            .map(String::as_str)
            .filter(|value| *value != "<none>")
    }
}

fn close(path: &mut Vec<(usize, Entry)>, root: &mut Entry) {
    if let Some((_, entry)) = path.pop() {
        let above = path.last_mut().map_or(root, |(_, above)| above);
        above.below.push(entry);
    }
}

/// The rows of a table whose columns are two or more blanks apart; the line of dashes is left out.
pub(crate) fn columns(line: &str) -> Vec<&str> {
    line.split("  ")
        .map(str::trim)
        .filter(|column| !column.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Entry, columns};

    #[test]
    fn indented_lines_belong_to_the_line_above() {
        let text = "Name:         cart-1\nLabels:       app=cart\n              tier=2\nContainers:\n  server:\n    \
                    State:       Waiting\n      Reason:    CrashLoopBackOff\n    Ready:       False\nQoS Class:  Burstable\n";
        let root = Entry::parse(text);
        assert_eq!(root.text("Name"), "cart-1");
        assert_eq!(
            root.texts("Labels").collect::<Vec<_>>(),
            ["app=cart", "tier=2"]
        );
        let server = root
            .get("Containers")
            .and_then(|all| all.get("server"))
            .expect("a container");
        assert_eq!(server.text("Ready"), "False");
        assert_eq!(
            server.get("State").expect("a state").text("Reason"),
            "CrashLoopBackOff"
        );
    }

    #[test]
    fn columns_are_two_blanks_apart() {
        assert_eq!(columns("  pods        10    10"), ["pods", "10", "10"]);
    }
}
