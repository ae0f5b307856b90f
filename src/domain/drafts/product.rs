//! A product to be made or changed.

use super::{Flaw, Metadata, check_metadata, check_text};

/// What is set. `None` leaves a value as it is, an empty text removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductDraft {
    /// What customers see.
    pub name: Option<String>,
    /// What customers see, longer.
    pub description: Option<String>,
    /// What one unit is called, such as `seat`.
    pub unit_label: Option<String>,
    /// What stands on the card statement.
    pub statement_descriptor: Option<String>,
    /// Own keys and values.
    pub metadata: Metadata,
}

impl ProductDraft {
    /// What is wrong with it; a new one needs a name.
    pub fn flaws(&self, new: bool) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        check_text("name", self.name.as_deref(), new || self.name.is_some(), 250, &mut flaws);
        check_text("description", self.description.as_deref(), false, 5_000, &mut flaws);
        check_text("unit_label", self.unit_label.as_deref(), false, 12, &mut flaws);
        if let Some(text) = self.statement_descriptor.as_deref().filter(|text| !text.is_empty())
            && (text.chars().count() > 22 || text.contains(['<', '>', '\\', '"', '\'', '*']))
        {
            flaws.push(Flaw::new("statement_descriptor", "At most 22 characters, without < > \\ \" ' *."));
        }
        check_metadata(&self.metadata, &mut flaws);
        flaws
    }
}
