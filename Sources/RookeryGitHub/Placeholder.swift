enum RookeryGitHubPlaceholder {}
