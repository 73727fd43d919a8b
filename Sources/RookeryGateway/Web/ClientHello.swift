/// The first message of a TLS client (RFC 8446, section 4.1.2), as far as the proxy needs it: the name it is meant for.
struct ClientHello: Equatable, Sendable {
  enum Reading: Equatable, Sendable {
    case hello(ClientHello)
    /// It goes on.
    case incomplete
    /// It is none, or one that two readers could read differently.
    case malformed(String)
  }

  /// Bytes up to which a hello is read; real ones have a few kilobytes, with post-quantum keys.
  static let limit = 32 << 10

  /// The name as it was sent; nil when there was none.
  var serverName: String?
  /// Whether it carries an encrypted inner hello. The outer name is what is judged and what is dialled.
  var hasEncryptedHello = false

  static func read(_ bytes: ArraySlice<UInt8>) -> Reading {
    var message: [UInt8] = []
    var rest = bytes
    // A hello may be spread over several records.
    while true {
      guard rest.count >= 5 else { return limited(bytes) }
      let head = Array(rest.prefix(5))
      guard head[0] == 22, head[1] == 3, head[2] <= 4 else { return .malformed("it is no TLS handshake") }
      let length = Int(head[3]) << 8 | Int(head[4])
      guard (1...16_384).contains(length) else { return .malformed("a record has an impossible length") }
      guard rest.count >= 5 + length else {
        message += rest.dropFirst(5)
        return wanted(message).map { $0 > limit ? .malformed("its first message is too long") : limited(bytes) } ?? limited(bytes)
      }
      message += rest.dropFirst(5).prefix(length)
      rest = rest.dropFirst(5 + length)
      guard let wanted = wanted(message) else { continue }
      guard message[0] == 1 else { return .malformed("its first message is no client hello") }
      guard wanted <= limit else { return .malformed("its first message is too long") }
      if message.count >= wanted { return parse(message[4..<wanted]) }
    }
  }

  private static func limited(_ bytes: ArraySlice<UInt8>) -> Reading {
    bytes.count > limit + 1024 ? .malformed("its first message is too long") : .incomplete
  }

  /// Length of the whole message; nil until its head is there.
  private static func wanted(_ message: [UInt8]) -> Int? {
    message.count < 4 ? nil : 4 + (Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3]))
  }

  private static func parse(_ body: ArraySlice<UInt8>) -> Reading {
    var reader = Bytes(rest: body)
    // Version, random, session id, cipher suites, compression methods.
    guard reader.skip(34), let session = reader.vector(1), session.count <= 32, let suites = reader.vector(2), suites.count >= 2,
      let methods = reader.vector(1), !methods.isEmpty
    else { return .malformed("its hello is cut off") }
    var hello = ClientHello()
    guard !reader.rest.isEmpty else { return .hello(hello) }
    guard let extensions = reader.vector(2), reader.rest.isEmpty else { return .malformed("its hello is cut off") }
    var list = Bytes(rest: extensions)
    var seen: Set<Int> = []
    while !list.rest.isEmpty {
      guard let type = list.number(2), let body = list.vector(2) else { return .malformed("an extension is cut off") }
      guard seen.insert(type).inserted else { return .malformed("an extension comes twice") }
      switch type {
      case 0:
        guard let name = serverName(body) else { return .malformed("its server name is malformed") }
        hello.serverName = name
      case 0xfe0d: hello.hasEncryptedHello = true
      default: break
      }
    }
    return .hello(hello)
  }

  /// RFC 6066, section 3: a list of exactly one host name.
  private static func serverName(_ body: ArraySlice<UInt8>) -> String? {
    var reader = Bytes(rest: body)
    guard let names = reader.vector(2), reader.rest.isEmpty else { return nil }
    var list = Bytes(rest: names)
    guard list.number(1) == 0, let name = list.vector(2), list.rest.isEmpty, (1...255).contains(name.count),
      name.allSatisfy({ (0x21...0x7e).contains($0) })
    else { return nil }
    return String(decoding: name, as: UTF8.self)
  }

  private struct Bytes {
    var rest: ArraySlice<UInt8>

    mutating func skip(_ count: Int) -> Bool {
      guard rest.count >= count else { return false }
      rest = rest.dropFirst(count)
      return true
    }

    mutating func number(_ size: Int) -> Int? {
      guard rest.count >= size else { return nil }
      let number = rest.prefix(size).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(size)
      return number
    }

    /// Bytes behind their length.
    mutating func vector(_ size: Int) -> ArraySlice<UInt8>? {
      guard let length = number(size), rest.count >= length else { return nil }
      defer { rest = rest.dropFirst(length) }
      return rest.prefix(length)
    }
  }
}
