//! Goals, and whether they are reached.

use crate::mood::Mood;
use crate::rows::Goal;
use crate::workload::Unit;

impl Goal {
    /// The goal in words; `floor` is what it may refer to.
    pub(super) fn text(self, unit: Unit, floor: &str) -> Option<String> {
        let sign = if unit.wants_less() || self == Self::Reach(0.0) { '≤' } else { '≥' };
        Some(match self {
            Self::None => return None,
            Self::Reach(value) => format!("{sign} {}", unit.show(value)),
            Self::ByMood { near, far } if far.is_nan() => {
                format!("{sign} {} near", unit.show(near))
            }
            Self::ByMood { near, far } => {
                format!("{sign} {} near, {} far", unit.show(near), unit.show(far))
            }
            Self::Times(times) => format!("{sign} {times} × {floor}"),
            Self::Above(value) => format!("{sign} {floor} + {}", unit.show(value)),
        })
    }

    fn value(self, mood: Option<Mood>, floor: Option<f64>) -> Option<f64> {
        match (self, mood) {
            (Self::None, _) => None,
            (Self::Reach(value), _) => Some(value),
            (Self::ByMood { near, .. }, Some(Mood::Near)) => Some(near),
            (Self::ByMood { far, .. }, Some(Mood::Far)) => Some(far).filter(|far| !far.is_nan()),
            (Self::ByMood { .. }, None) => None,
            (Self::Times(times), _) => Some(times * floor?),
            (Self::Above(value), _) => Some(value + floor?),
        }
    }
}

/// Whether a goal is reached, and by how much not.
pub(super) fn verdict(
    goal: Goal,
    unit: Unit,
    mood: Option<Mood>,
    ours: f64,
    floor: Option<f64>,
) -> Option<String> {
    let value = goal.value(mood, floor)?;
    let wants_less = unit.wants_less() || value == 0.0;
    let is_reached = if wants_less { ours <= value } else { ours >= value };
    Some(match is_reached {
        true => "reached".into(),
        false if value == 0.0 => "missed".into(),
        false => format!("missed: {:.2} × the goal", ours / value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_reached_by_less_time_or_by_more_of_a_rate() {
        let verdict = |goal, unit, ours, floor| verdict(goal, unit, None, ours, floor);
        let reached = Some("reached".to_owned());
        assert_eq!(verdict(Goal::Times(0.7), Unit::Seconds, 6e-6, Some(10e-6)), reached);
        assert_eq!(verdict(Goal::Times(0.7), Unit::PerSecond, 8e6, Some(10e6)), reached);
        let missed = Some("missed: 2.00 × the goal".to_owned());
        assert_eq!(verdict(Goal::Reach(1e-6), Unit::Seconds, 2e-6, None), missed);
        assert_eq!(verdict(Goal::Above(1.0), Unit::Bytes, 6.0, Some(2.0)), missed);
        assert_eq!(verdict(Goal::Reach(0.0), Unit::PerSecond, 0.0, None), reached);
    }

    #[test]
    fn a_goal_by_mood_is_of_the_mood_that_was_seen() {
        let goal = Goal::ByMood { near: 4e6, far: f64::NAN };
        let seen = |mood| verdict(goal, Unit::PerSecond, mood, 5e6, None);
        assert_eq!(seen(Some(Mood::Near)), Some("reached".into()));
        assert_eq!(seen(Some(Mood::Far)), None);
        assert_eq!(goal.text(Unit::PerSecond, ""), Some("≥ 4.00 million/s near".into()));
    }
}
