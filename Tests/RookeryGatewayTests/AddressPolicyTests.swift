import RookeryModel
import Testing

@testable import RookeryGateway

@Suite struct AddressPolicyTests {
  @Test(arguments: [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "168.63.129.16", "100.100.100.200", "192.0.0.192",
    "fe80::1", "fec0::1", "ff02::1",
  ])
  func refuses(text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(AddressPolicy.refusal(of: address) != nil)
  }

  @Test(arguments: [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "140.82.121.3",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255", "192.169.0.0", "198.17.255.255",
    "198.20.0.0", "223.255.255.255", "2001:200::1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "2003::1", "3ffe::1",
  ])
  func allows(text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(AddressPolicy.refusal(of: address) == nil)
    #expect(IPAddress(address.description) == address)
  }

  @Test(arguments: ["", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1 ", "[::1]", "fe80::1%lo", "1.2.3.4.5", "localhost"])
  func takesOnlyStandardSpellings(text: String) { #expect(IPAddress(text) == nil) }

  /// What odd spellings of loopback come to: the resolver reads them, and the policy sees what it read.
  @Test(arguments: ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "017700000001", "localhost"])
  func oddSpellingsAreSeenThrough(host: String) async throws {
    let addresses = try await Resolver().addresses(of: host)
    #expect(!addresses.isEmpty && addresses.allSatisfy { AddressPolicy.refusal(of: $0) == "loopback" })
    let url = try RemoteURL("http://\(host):80/x")
    #expect(throws: RookeryError.self) { try Upstream.vetted(addresses, for: url, privateHosts: []) }
    #expect(throws: RookeryError.self) { try Upstream.vetted(addresses, for: url, privateHosts: ["127.0.0.1:80"]) }
    #expect(try Upstream.vetted(addresses, for: url, privateHosts: ["\(host):80"]) == Array(addresses.prefix(3)))
  }

  @Test func mixedAnswersKeepOnlyThePublicAddresses() throws {
    let url = try RemoteURL("https://rebound.example/x")
    let answers = ["127.0.0.1", "8.8.8.8", "10.0.0.1", "2606:4700::1", "::1", "9.9.9.9", "1.1.1.1"].compactMap { IPAddress($0) }
    let allowed = try Upstream.vetted(answers, for: url, privateHosts: ["other.example:443", "rebound.example:80"])
    #expect(allowed.map(\.description) == ["8.8.8.8", "2606:4700::1", "9.9.9.9"])
  }

  @Test func unknownNamesAreSaidSo() async throws {
    let error = try await #require(throws: RookeryError.self) { try await Resolver().addresses(of: "does-not-exist.invalid") }
    #expect(error.code == .unavailable && error.message.contains("does-not-exist.invalid"))
  }
}

@Suite struct RemoteURLTests {
  @Test(arguments: [
    ("https://github.com/acme/app.git", "github.com:443", "https://github.com/acme/app.git/info/refs"),
    ("https://GitHub.com:443/acme/app.git/", "github.com:443", "https://github.com/acme/app.git/info/refs"),
    ("http://10.0.0.1:8080", "10.0.0.1:8080", "http://10.0.0.1:8080/info/refs"),
    ("http://[::1]:8080/x", "[::1]:8080", "http://[::1]:8080/x/info/refs"),
    ("http://[0:0::1]/x", "[::1]:80", "http://[::1]/x/info/refs"),
    ("http://localhost:80/a//", "localhost:80", "http://localhost/a/info/refs"),
  ])
  func reads(text: String, authority: String, url: String) throws {
    let remote = try RemoteURL(text)
    #expect(remote.authority == authority && remote.url("/info/refs") == url)
  }

  @Test(arguments: [
    "", "github.com/x", "ftp://x/y", "HTTPS://x/y", "https://", "https:///x", "https://user@host/x", "https://user:secret@host/x",
    "https://host:0/x", "https://host:65536/x", "https://host:+80/x", "https://host:/x", "https://host:80:80/x", "https://host/x?y",
    "https://host/x#y", "https://host/../x", "https://host/./x", "https://host/a//b", "https://host/%2e%2e/x", "https://host\\@evil/x",
    "https://ho st/x", "https://host/x y", "https://höst/x", "https://host./x", "https://.host/x", "https://a..b/x", "https://-host/x",
    "https://[::1/x", "https://[::1]x/y", "https://[127.0.0.1]/x", "https://[::1%25lo]/x", "https://host/x\r\nX: y", "https://host/x\0",
  ])
  func refuses(text: String) throws {
    let error = try #require(throws: RookeryError.self) { try RemoteURL(text) }
    #expect(error.code == .badRequest && !error.description.contains("secret"))
  }
}
