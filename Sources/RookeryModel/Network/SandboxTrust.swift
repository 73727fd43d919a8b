/// How programs in a sandbox come to trust the certificates that the gateway shows them.
///
/// `host` puts the files there. Variables rather than the system's own bundle: image setup may replace that one.
public enum SandboxTrust {
  /// Every account inside can read it.
  public static let directory = "/run/trust"
  /// The base's own authorities and this installation's.
  public static let bundle = directory + "/ca-certificates.crt"
  public static let aptConfiguration = directory + "/apt.conf"

  /// For every process: OpenSSL and what is built on it, curl, git, Python's requests and pip, Node, apt.
  public static let environment = [
    "SSL_CERT_FILE": bundle, "CURL_CA_BUNDLE": bundle, "GIT_SSL_CAINFO": bundle, "REQUESTS_CA_BUNDLE": bundle, "PIP_CERT": bundle,
    "NODE_EXTRA_CA_CERTS": bundle, "APT_CONFIG": aptConfiguration,
  ]
}
