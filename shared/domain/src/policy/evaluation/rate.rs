//! Guardrails on the rate of repairs: cooldown, attempts per hour, repairs at once in a group.

use jiff::SignedDuration;

use crate::phrase;
use crate::policy::evaluation::{Answer, GuardrailContext};

impl GuardrailContext<'_> {
    pub(super) fn cooldown(&self) -> Answer {
        let ledger = self
            .readings
            .target
            .as_ref()
            .ok_or_else(|| phrase!("the target's ledger could not be read"))?;
        let Some(rest) = self.known_playbook()?.cooldown else {
            return Ok(phrase!("the playbook asks for no rest"));
        };
        let Some(last) = ledger.last_run(&self.plan.playbook, &self.own()) else {
            return Ok(phrase!("its first run here"));
        };
        // Clocks differ: a run of the future was just now.
        let since = SignedDuration::from_secs(self.now.duration_since(last).as_secs().max(0));
        let words = phrase!(
            "its last run here was {ago} ago, its rest is {rest}",
            ago = format!("{since:#}"),
            rest = format!("{:#}", rest.length())
        );
        if since >= rest.length() {
            Ok(words)
        } else {
            Err(words)
        }
    }

    pub(super) fn attempts_per_hour(&self) -> Answer {
        let ledger = self
            .readings
            .target
            .as_ref()
            .ok_or_else(|| phrase!("the target's ledger could not be read"))?;
        let (made, most) = (
            ledger.within_hour(self.now, &self.own()),
            self.limits.attempts_per_hour,
        );
        let words = phrase!(
            "{made} on {target} within the hour, of {most}",
            made,
            target = self.plan.target,
            most
        );
        if u32::try_from(made).is_ok_and(|made| made < most.get()) {
            Ok(words)
        } else {
            Err(words)
        }
    }

    pub(super) fn redundancy_group(&self) -> Answer {
        let Some(group) = &self.known_service()?.redundancy_group else {
            return Ok(phrase!("the service is in none"));
        };
        let ledger = self
            .readings
            .group
            .as_ref()
            .ok_or_else(|| phrase!("the group's ledger could not be read"))?;
        let (others, most) = (
            ledger.others(&self.plan.target, self.now).count(),
            self.at_once,
        );
        let words = phrase!(
            "{others} others of {group} are being repaired, of {most} at once",
            others,
            group,
            most
        );
        if u32::try_from(others).is_ok_and(|others| others < most) {
            Ok(words)
        } else {
            Err(words)
        }
    }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
