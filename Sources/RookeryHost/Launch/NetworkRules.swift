import RookeryModel

/// The packet filter of a sandbox's namespace, as nft(8) reads it.
///
/// Connections that a program in the sandbox makes to an address beyond its loopback come to the gateway's sockets where the gateway
/// can judge them by name; any other packet is rejected at once, and told to whoever reads the log group, a few a second.
enum NetworkRules {
  /// Of NFLOG, in the sandbox's own namespace.
  static let logGroup: UInt16 = 61

  static func text(ports: [UInt16]) -> String {
    let web = Set(ports + [80, 443]).sorted().map(String.init).joined(separator: ", ")
    let (webPort, namesPort) = (SandboxSocket.web.port ?? 0, SandboxSocket.names.port ?? 0)
    return """
      table inet rookery {
        chain redirected {
          type nat hook output priority -100; policy accept;
          ip daddr 127.0.0.0/8 return
          ip6 daddr ::1 return
          meta nfproto ipv4 udp dport 53 redirect to :\(namesPort)
          tcp dport 53 redirect to :\(namesPort)
          tcp dport { \(web) } redirect to :\(webPort)
        }
        chain rejected {
          type filter hook output priority 0; policy accept;
          ip daddr 127.0.0.0/8 accept
          ip6 daddr ::1 accept
          ct direction reply accept
          limit rate 10/second burst 40 packets log group \(logGroup) snaplen 64 queue-threshold 1
          meta l4proto tcp reject with tcp reset
          reject
        }
      }

      """
  }
}
