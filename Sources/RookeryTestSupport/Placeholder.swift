enum RookeryTestSupportPlaceholder {}
