enum RookerySandboxTestsPlaceholder {}
