//! Whole objects of any kind, as the API server writes them, for whoever looks for something in all of them.

mod discovery;
mod listed;
mod resource_name;

pub use self::discovery::{Discovery, ServedResource};
pub use self::listed::ListedObject;
pub use self::resource_name::{ResourceName, ResourceNameError};
