//! What is wrong with a value, and with which field of a request.

use std::fmt;

/// Why one value is refused. The text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub(crate) String);

impl ValueError {
    /// An error whose text says what is wrong and what would be right.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// One field of a request and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field as the protobuf contract or the configuration has it.
    pub field: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// Every wrong field of one request, so that a caller mends it in one go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// No wrong field yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one wrong field.
    pub fn push(&mut self, field: impl Into<String>, reason: impl fmt::Display) {
        self.0.push(FieldError { field: field.into(), reason: reason.to_string() });
    }

    /// Takes the value, or notes why the field has none.
    pub fn take<T, E: fmt::Display>(
        &mut self,
        field: impl Into<String>,
        value: Result<T, E>,
    ) -> Option<T> {
        value.map_err(|error| self.push(field, error)).ok()
    }

    /// Takes over the fields of another list, each under `parent.`.
    pub fn nest(&mut self, parent: &str, inner: FieldErrors) {
        self.0.extend(
            inner
                .0
                .into_iter()
                .map(|e| FieldError { field: format!("{parent}.{}", e.field), reason: e.reason }),
        );
    }

    /// The wrong fields in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, where no field was wrong.
    ///
    /// # Errors
    /// All the wrong fields; also where `value` is `None` without a reason, which
    /// then is said so.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, FieldErrors> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) => Err(self),
            None => {
                if self.0.is_empty() {
                    self.push("request", "incomplete");
                }
                Err(self)
            }
        }
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", error.field, error.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}
