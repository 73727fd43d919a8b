import RookeryModel
import Testing

@testable import RookerySandbox

@Suite struct RepositoryURLTests {
  private let name: RepositoryName

  init() throws { name = try RepositoryName("app") }

  @Test(arguments: [
    ("https://GitHub.com/a/b.git", "https://github.com/a/b.git", "github.com", 443),
    ("HTTP://localhost:8080/a/", "http://localhost:8080/a", "localhost", 8080),
    ("https://host/@group/a~b+c", "https://host/@group/a~b+c", "host", 443),
    ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x", "2001:db8::1", 8443),
  ])
  func normalises(_ given: String, _ text: String, _ host: String, _ port: Int) throws {
    let url = try RepositoryURL(given, for: name)
    #expect(url.text == text)
    #expect(url.host == host)
    #expect(url.port == port)
  }

  @Test(arguments: [
    "", "github.com/a/b", "git@github.com:a/b.git", "ssh://git@github.com/a/b", "file:///etc", "ext::sh -c id", "git://host/x",
    "https:///a", "https://host", "https://host/", "https://host/a b", "https://host/a\nb", "https://host/a?x=1", "https://host/a#x",
    "https://user@host/a", "https://user:secret@host/a", "https://:secret@host/a", "https://host:99999/a", "--upload-pack=x",
    "https://host/a\"b", "https://hóst/a", "https://host/a%2fb", "https://host/../a", "https://host//a", "https://host/a;b",
    "https://host_name\\x/a",
  ])
  func refuses(_ given: String) {
    let error = #expect(throws: RookeryError.self) { try RepositoryURL(given, for: name) }
    #expect(error?.code == .badRequest)
    #expect(error?.description.contains("secret") == false, "a password is never repeated")
  }

  @Test func userInformationIsToldToBeConfigured() {
    let error = #expect(throws: RookeryError.self) { try RepositoryURL("https://me:pw@host/a", for: name) }
    #expect(error?.mend.contains("git_token_env") == true)
  }

  @Test func refusesLongURLs() {
    #expect(throws: RookeryError.self) { try RepositoryURL("https://host/" + String(repeating: "a", count: 3000), for: name) }
  }
}

@Suite struct PublicAddressTests {
  @Test(arguments: ["8.8.8.8", "140.82.121.4", "172.32.0.1", "100.63.255.255", "2606:4700::1111"])
  func publicOnes(_ text: String) throws {
    #expect(AddressPolicy.refusal(of: try #require(IPAddress(text))) == nil)
  }

  @Test(arguments: [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "fe80::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::808:808", "2002:7f00:1::", "2002:808:808::", "2001:db8::1", "2001::1",
    "3fff::1",
  ])
  func privateOnes(_ text: String) throws {
    #expect(AddressPolicy.refusal(of: try #require(IPAddress(text))) != nil)
  }

  @Test(arguments: ["localhost", "1.2.3", "", "1.2.3.4.5", "fe80::1%eth0"])
  func namesAreNoAddresses(_ text: String) { #expect(IPAddress(text) == nil) }

  @Test func writesAddresses() throws {
    #expect(IPAddress("192.0.2.7")?.description == "192.0.2.7")
    #expect(IPAddress("2001:DB8::7")?.literal == "[2001:db8::7]")
  }
}

@Suite struct DestinationPolicyTests {
  @Test func privateAddressesNeedTheOperator() async throws {
    let url = try RepositoryURL("http://127.0.0.1:7000/a", for: RepositoryName("app"))
    let error = await #expect(throws: RookeryError.self) { try await DestinationPolicy(privateHosts: []).addresses(of: url) }
    #expect(error?.code == .repositoryUnreachable)
    #expect(error?.mend.contains("127.0.0.1:7000") == true)
    let other = await #expect(throws: RookeryError.self) {
      try await DestinationPolicy(privateHosts: ["127.0.0.1:7001"]).addresses(of: url)
    }
    #expect(other?.code == .repositoryUnreachable)
    #expect(try await DestinationPolicy(privateHosts: ["127.0.0.1:7000"]).addresses(of: url).map(\.description) == ["127.0.0.1"])
  }

  @Test func privateAddressesAmongPublicOnesAreNotDialled() throws {
    let url = try RepositoryURL("https://example.org/a", for: RepositoryName("app"))
    let (outer, inner) = (try #require(IPAddress("8.8.8.8")), try #require(IPAddress("10.1.1.1")))
    let mixed = [inner, outer]
    #expect(try DestinationPolicy(privateHosts: []).vetted(mixed, of: url) == [outer])
    #expect(throws: RookeryError.self) { try DestinationPolicy(privateHosts: []).vetted([inner], of: url) }
    #expect(throws: RookeryError.self) { try DestinationPolicy(privateHosts: []).vetted([], of: url) }
    #expect(try DestinationPolicy(privateHosts: ["example.org:443"]).vetted(mixed, of: url) == mixed)
  }
}
