extension Configuration.Server {
  /// The address under which people reach a path of the web page: below `external_url`, else where the server listens.
  public func link(to path: String) -> String {
    (externalURL.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } ?? "http://\(host):\(port)") + path
  }
}
