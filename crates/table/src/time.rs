//! The dates and times that a type of column holds, and what their numbers count.

use arrow_schema::{DataType, TimeUnit};
use neuralnet::data::Time;

pub(crate) const SECONDS_OF_A_DAY: f64 = 86_400.0;

/// What the numbers of a column count, and how many of its ticks are one; `None` if it is not of dates or times.
pub(crate) fn time(data_type: &DataType) -> Option<(Time, f64)> {
    let ticks = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    };
    Some(match data_type {
        DataType::Timestamp(unit, _) => (Time::Timestamp, ticks(unit)),
        DataType::Date32 => (Time::Date, 1.0),
        DataType::Date64 => (Time::Date, 1e3 * SECONDS_OF_A_DAY),
        DataType::Time32(unit) | DataType::Time64(unit) => (Time::TimeOfDay, ticks(unit)),
        DataType::Duration(unit) => (Time::Duration, ticks(unit)),
        _ => return None,
    })
}

/// What such columns hold, and what their numbers are.
pub(crate) fn words(time: Time) -> [&'static str; 2] {
    match time {
        Time::Date => ["dates", "days since 1970"],
        Time::Timestamp => ["timestamps", "seconds since 1970"],
        Time::TimeOfDay => ["times of day", "seconds"],
        Time::Duration => ["durations", "seconds"],
    }
}
