//! The macro behind `table.rs`: from one line a field, an event's type, its reading, its writing and its place among all events.

/// Defines all events and [`Body`](crate::Body).
macro_rules! events {
    ($($(#[$doc:meta])* $code:literal $name:literal $event:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $wire:ident @ $offset:literal $vendor:literal,)*
    })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
            pub struct $event {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl $event {
                const SLOTS: &[Slot] = &[$(Slot { name: $vendor, wire: Wire::$wire, offset: $offset }),*];

                fn read(fields: &dyn Fields) -> Result<Self, FieldError> {
                    $(let $field = Value::read(fields, &Slot { name: $vendor, wire: Wire::$wire, offset: $offset })?;)*
                    Ok(Self { $($field),* })
                }

                fn raw_fields(&self) -> Vec<(&'static Slot, Option<Raw>)> {
                    let values = [$(Value::write(&self.$field, Wire::$wire)),*];
                    Self::SLOTS.iter().zip(values).collect()
                }
            }
        )*

        /// What an event says.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Body {
            $($(#[$doc])* $event($event),)*
            /// An event that this version does not know, kept as it came.
            Unknown(Payload),
            /// A known event with a field that cannot be read, kept as it came: a sign that the vendor changed the event.
            Unread {
                /// What cannot be read.
                error: FieldError,
                /// All of it.
                payload: Payload,
            },
        }

        /// The layout of a known event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Layout {
            /// The event's code.
            pub code: u16,
            /// The event's name, in kebab case.
            pub name: &'static str,
            /// Its fields.
            pub slots: &'static [Slot],
        }

        /// Every event that this version knows, by code.
        pub const LAYOUTS: &[Layout] = &[$(Layout { code: $code, name: $name, slots: $event::SLOTS }),*];

        impl Body {
            /// Reads the fields of an event with this code; `None` if the code is unknown.
            pub(crate) fn read(code: u16, fields: &dyn Fields) -> Option<Result<Self, FieldError>> {
                match code {
                    $($code => Some($event::read(fields).map(Self::$event)),)*
                    _ => None,
                }
            }

            /// The fields as they stand in a record or in JSON; empty for what is kept as it came.
            #[must_use]
            pub fn raw_fields(&self) -> Vec<(&'static Slot, Option<Raw>)> {
                match self {
                    $(Self::$event(event) => event.raw_fields(),)*
                    Self::Unknown(_) | Self::Unread { .. } => Vec::new(),
                }
            }

            /// The event's name, in kebab case: `unknown` for one that this version does not know, `unread` for one that it
            /// could not read.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$event(_) => $name,)*
                    Self::Unknown(_) => "unknown",
                    Self::Unread { .. } => "unread",
                }
            }

            /// The code of a known event.
            #[must_use]
            pub const fn code(&self) -> Option<u16> {
                match self {
                    $(Self::$event(_) => Some($code),)*
                    Self::Unknown(_) | Self::Unread { .. } => None,
                }
            }

            /// The fields as JSON, named as in this crate.
            #[must_use]
            pub fn fields(&self) -> serde_json::Value {
                let fields = match self {
                    $(Self::$event(event) => serde_json::to_value(event),)*
                    Self::Unknown(payload) | Self::Unread { payload, .. } => serde_json::to_value(payload),
                };
                fields.unwrap_or(serde_json::Value::Null)
            }
        }
    };
}

pub(super) use events;
