//! Where a purchase was made.

use crate::open_enum::open_enum;

open_enum! {
    /// The App Store's environments. App Review buys in the sandbox, through production servers.
    Environment {
        /// Real purchases.
        Production = "Production",
        /// TestFlight, App Review and developers' test accounts: costs nothing.
        Sandbox = "Sandbox",
        /// StoreKit testing in Xcode, signed by the developer's own machine: proves nothing.
        Xcode = "Xcode",
        /// Unit tests with StoreKitTest: proves nothing.
        LocalTesting = "LocalTesting",
    }
}
