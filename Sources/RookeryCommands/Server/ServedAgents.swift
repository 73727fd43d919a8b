import RookeryGitHub
import RookerySandbox
import RookeryServer

// What the API offers is what these do.
extension AgentInstaller: AgentControl {}
extension RepositoryService: RepositoryControl {}
extension WarmPool: WarmControl {}
// Git's credentials come from the App where there is one.
extension GitHubIdentity: GitCredentialSource {}
