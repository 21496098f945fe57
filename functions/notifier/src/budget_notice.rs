//! What people are told when the budget for models is used up: once a day, with the day's figures.

use jiff::civil::Date;
use shared::domain::budget::Spending;
use shared::domain::price::dollars;

use crate::card::Card;

/// How many providers are named. Their names are the operator's, 32 characters at most.
const PROVIDERS_SHOWN: usize = 10;

/// The notice.
#[must_use]
pub fn render(day: Date, spending: &Spending) -> Card {
    let mut lines = vec![
        format!("💸 <b>The budget for models of {day} is used up</b>"),
        "The static analyzer answers until midnight UTC.".to_owned(),
        format!("{} are spent or reserved", dollars(spending.committed)),
    ];
    for (provider, paid) in spending.providers.iter().take(PROVIDERS_SHOWN) {
        let (price, calls, tokens) = (dollars(paid.price), paid.calls, paid.usage.total());
        lines.push(format!("· {provider}: {price} (calls: {calls}, tokens: {tokens})"));
    }
    if spending.open() > 0 {
        lines.push(format!("· {} for calls that have not ended", dollars(spending.open())));
    }
    if spending.unsettled > 0 {
        lines.push(format!("{} of it are the highest possible price of calls whose real price is unknown", dollars(spending.unsettled)));
    }
    Card { html: lines.join("\n"), buttons: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;
    use shared::domain::budget::{Paid, Spending};
    use shared::domain::price::Usage;

    use super::render;

    #[test]
    fn the_notice_says_where_the_money_went() {
        let paid = |calls, input, output, price| Paid { calls, usage: Usage { input, output }, price };
        let providers = BTreeMap::from([("one".to_owned(), paid(12, 40_000, 9_000, 3_900_000)), ("own".to_owned(), paid(3, 900, 100, 0))]);
        let spending = Spending { committed: 4_990_000, unsettled: 250_000, providers };
        let lines = render(date(2026, 11, 22), &spending).html;
        let expected = [
            "💸 <b>The budget for models of 2026-11-22 is used up</b>",
            "The static analyzer answers until midnight UTC.",
            "$4.99 are spent or reserved",
            "· one: $3.90 (calls: 12, tokens: 49000)",
            "· own: $0.00 (calls: 3, tokens: 1000)",
            "· $1.09 for calls that have not ended",
            "$0.25 of it are the highest possible price of calls whose real price is unknown",
        ];
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
        // A first call that is too dear for the whole budget.
        assert_eq!(render(date(2026, 11, 22), &Spending::default()).html.lines().collect::<Vec<_>>()[2], "$0.00 are spent or reserved");
    }
}
