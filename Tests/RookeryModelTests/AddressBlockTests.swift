import RookeryModel
import Testing

@Suite struct AddressBlockTests {
  @Test(arguments: [
    ("10.1.0.0/16", "10.1.255.3", true), ("10.1.0.0/16", "10.2.0.0", false), ("127.0.0.1", "127.0.0.1", true),
    ("127.0.0.1", "127.0.0.2", false), ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("::1", "::1", true),
    ("fd00::/8", "fdab::1", true), ("10.0.0.0/9", "10.128.0.1", false), ("127.0.0.1/32", "::ffff:127.0.0.1", true),
  ]) func itHoldsItsAddresses(block: String, address: String, isInside: Bool) throws {
    #expect(try #require(AddressBlock(block)).contains(try #require(IPAddress(address))) == isInside)
  }

  @Test(arguments: ["", "10.1/16", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/", "10.1.0.0/16/2", "::/129", "localhost", "10.1.0.0/ 8"])
  func whatIsNoneIsRefused(text: String) { #expect(AddressBlock(text) == nil) }
}
