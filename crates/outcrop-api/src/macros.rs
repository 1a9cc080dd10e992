//! What generated modules are made of, so that they stay lists of facts.

/// Marker types of operations: `Name(Input) -> Output = index in the service's table;`.
macro_rules! operations {
    ($($name:ident($input:ty) -> $output:ty = $index:literal;)*) => {
        $(
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl crate::ApiOperation for $name {
                type Input = $input;
                type Output = $output;
                const OPERATION: &'static crate::Operation = &tables::OPERATIONS[$index];
            }
        )*

        #[cfg(test)]
        pub(crate) static PROBES: &[[crate::macros::Probe; 2]] =
            &[$([crate::macros::probe::<$input>, crate::macros::probe::<$output>],)*];
    };
}

/// An enum of strings. Written out rather than derived: serde's derive compiles five times slower for these.
macro_rules! string_enum {
    ($name:ident { $($variant:ident = $text:literal,)* }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($variant,)*
        }

        impl $name {
            /// All values, in AWS's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The text on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The value with this text on the wire.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = crate::macros::text(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::unknown_variant(&text, &[$($text,)*]))
            }
        }
    };
}

/// What a union of events knows about its members: `Variant = "member", is it an exception;`.
macro_rules! event_union {
    ($name:ident { $($variant:ident = $text:literal, $exception:literal;)* }) => {
        impl $name {
            /// Name of the member: the event's `:event-type` or `:exception-type`.
            pub const fn event_type(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $text,)*
                }
            }

            /// Whether it ends the stream as an exception.
            pub const fn is_exception(&self) -> bool {
                match self {
                    $(Self::$variant(_) => $exception,)*
                }
            }

            /// The event's payload.
            ///
            /// # Errors
            /// When a number in it is one that JSON does not have.
            pub fn payload(&self) -> serde_json::Result<Vec<u8>> {
                match self {
                    $(Self::$variant(event) => serde_json::to_vec(event),)*
                }
            }

            /// Reads a frame; `None` when the type is not known here.
            ///
            /// # Errors
            /// When the payload does not fit the type.
            pub fn from_frame(event_type: &str, payload: &[u8]) -> serde_json::Result<Option<Self>> {
                match event_type {
                    $($text => serde_json::from_slice(payload).map(|event| Some(Self::$variant(event))),)*
                    _ => Ok(None),
                }
            }
        }
    };
}

pub(crate) use {event_union, operations, string_enum};

/// Text, borrowed where the input allows.
pub(crate) fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    serde::Deserialize::deserialize(deserializer)
}

/// Reads a value as a type and writes it again: types and tables have to agree.
#[cfg(test)]
pub(crate) type Probe = fn(serde_json::Value) -> serde_json::Result<serde_json::Value>;

#[cfg(test)]
pub(crate) fn probe<T: serde::Serialize + serde::de::DeserializeOwned>(
    value: serde_json::Value,
) -> serde_json::Result<serde_json::Value> {
    serde_json::to_value(serde_json::from_value::<T>(value)?)
}
