//! The Gregorian calendar, before its introduction too.

pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// Days from 1970-01-01 to a date; its month must be one. Years are counted through 0.
pub(super) const fn days_of(year: i64, month: u8, day: u8) -> i64 {
    // Years that begin in March have the day that some lack at their end.
    let (year, month) = match month {
        0..=2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + days_before(month as i64) + day as i64 - 1 - TO_1970
}

/// Year, month and day of the date that many days after 1970-01-01.
pub(super) const fn date_of(days: i64) -> (i64, u8, u8) {
    let days = days + TO_1970;
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    // Without the leap days before it, a day belongs to a year of 365 days.
    let year = (day - day / (4 * 365) + day / (100 * 365 + 24) - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = (day - days_before(month) + 1) as u8;
    let year = era * 400 + year;
    if month < 10 { (year, month as u8 + 3, day) } else { (year + 1, month as u8 - 9, day) }
}

pub(super) const fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of a year that begins in March before its `month`, the first of which is 0: from March on,
/// every five months have 153.
const fn days_before(month: i64) -> i64 {
    (153 * month + 2) / 5
}

/// Days of 400 years.
const ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        for (date, days) in [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((1, 1, 1), -719_162),
            ((0, 3, 1), -719_468),
            ((0, 2, 29), -719_469),
            ((5_879_611, 7, 11), 2_146_764_484),
            ((-5_879_610, 6, 22), -2_148_202_811),
        ] {
            assert_eq!(date_of(days), date);
            assert_eq!(days_of(date.0, date.1, date.2), days);
        }
    }

    /// Over 800 years, day by day.
    #[test]
    fn each_day_follows_the_one_before() {
        let mut date = (1599, 12, 31);
        let first = days_of(1600, 1, 1);
        for days in first..first + 2 * ERA {
            let (year, month, day) = date;
            date = if day < days_in_month(year, month) {
                (year, month, day + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
            assert_eq!(date_of(days), date);
            assert_eq!(days_of(date.0, date.1, date.2), days);
        }
        assert_eq!(date, (2399, 12, 31));
    }
}
