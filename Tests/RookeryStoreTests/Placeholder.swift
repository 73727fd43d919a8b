enum RookeryStoreTestsPlaceholder {}
