//! What an application checks in its own tests: that its types survive the way to a worker.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::RoundTripError;
use crate::wire::codec;

/// Whether a value that is sent to a worker, or back from one, is there what it was here.
///
/// Arguments and answers travel in bincode, which is small and fast because it does not describe
/// itself: whoever reads has to read just what was written. Types that rely on a format with
/// names, such as JSON, break that, each through an attribute of serde's:
///
/// | attribute | what happens |
/// |---|---|
/// | `flatten` | cannot be written |
/// | `untagged`, `tag = ".."`, `tag = ".."` with `content = ".."` | cannot be read |
/// | `skip_serializing_if = ".."` | a field that is left out shifts all that follow: where the condition holds, something else is read, or nothing |
/// | `skip_serializing` or `skip_deserializing` alone | the same, always |
///
/// (`skip`, `default`, `rename` and the like are fine.) The macro cannot see the types' attributes,
/// so that such a type is found out when the first value of it is sent. Better is a test, with
/// values that have everything, and such that have nothing:
///
/// ```
/// use pm_runtime::{RoundTripError, check_round_trip};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Pokemon {
///     name: String,
///     #[serde(skip_serializing_if = "Option::is_none")]
///     nickname: Option<String>,
///     level: u32,
/// }
///
/// let named = Pokemon { name: "Eevee".into(), nickname: Some("Vee".into()), level: 10 };
/// assert_eq!(check_round_trip(&named), Ok(()));
///
/// let unnamed = Pokemon { nickname: None, ..named };
/// let error = check_round_trip(&unnamed).unwrap_err();
/// assert!(matches!(error, RoundTripError::Skipped { field: "nickname", .. }));
/// ```
///
/// The other attributes:
///
/// ```
/// use pm_runtime::{RoundTripError, check_round_trip};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Stats { attack: u32 }
///
/// #[derive(Serialize, Deserialize)]
/// struct Flat { name: String, #[serde(flatten)] stats: Stats }
/// let flat = Flat { name: "Eevee".into(), stats: Stats { attack: 55 } };
/// assert!(matches!(check_round_trip(&flat), Err(RoundTripError::Encode(_))));
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(untagged)]
/// enum Untagged { Number(u32), Name(String) }
/// assert!(matches!(check_round_trip(&Untagged::Number(133)), Err(RoundTripError::Decode(_))));
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(tag = "type")]
/// enum Internally { Wild { level: u32 } }
/// assert!(matches!(check_round_trip(&Internally::Wild { level: 3 }), Err(RoundTripError::Decode(_))));
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(tag = "type", content = "data")]
/// enum Adjacently { Level(u32) }
/// assert!(matches!(check_round_trip(&Adjacently::Level(3)), Err(RoundTripError::Decode(_))));
///
/// #[derive(Serialize, Deserialize)]
/// struct Written { name: String, #[serde(skip_deserializing)] level: u32 }
/// assert!(check_round_trip(&Written { name: "Eevee".into(), level: 3 }).is_err());
/// ```
///
/// What is compared is what the two values say of themselves through `Serialize`, names of fields
/// included, so that neither `PartialEq` nor `Debug` is asked, and fields that do not travel
/// (`#[serde(skip)]`) do not count. Elements and entries are compared in any order, as those of a
/// hashed set have another each time.
///
/// # Errors
///
/// What stands in the way, with the field and the attribute that is the likely cause.
pub fn check_round_trip<T>(value: &T) -> Result<(), RoundTripError>
where
    T: Serialize + DeserializeOwned,
{
    codec::round_trip(value)
}

/// Panics where [`check_round_trip`] fails, with what that says.
///
/// ```
/// use pm_runtime::assert_round_trip;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Encounter { zone: String, level: Option<u32> }
///
/// assert_round_trip(&Encounter { zone: "forest".into(), level: Some(3) });
/// assert_round_trip(&Encounter { zone: String::new(), level: None });
/// ```
#[track_caller]
pub fn assert_round_trip<T>(value: &T)
where
    T: Serialize + DeserializeOwned,
{
    if let Err(error) = check_round_trip(value) {
        panic!("{error}");
    }
}
