enum RookeryGitHubTestsPlaceholder {}
