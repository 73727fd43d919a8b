import CSandbox
import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// A btrfs that holds sandboxes' writable layers as subvolumes, each with a bound of its own.
final class BtrfsVolume: Sendable {
  /// The device that launchers mount; nil where the data directory itself is on the file system.
  let device: String?
  /// The directory that holds everything of ours on it.
  let root: Directory
  /// Where the kernel tells what each subvolume takes.
  private let accounts: String
  private let mount: OwnedDescriptor?
  private let loop: OwnedDescriptor?

  /// What a file system in a file is mounted with. Accounts are settled at each commit, so these come often.
  private static let options = ["commit=5", "discard=async"]

  /// The btrfs that `root` is on. Throws `hostUnsupported` when its quotas can't be switched on.
  convenience init(at root: Directory) throws {
    try self.init(root: root, device: nil, mount: nil, loop: nil)
  }

  /// The btrfs in the file `image`. Nothing of it shows in this machine's mounts, and nothing stays mounted once this process and
  /// every sandbox on it have ended.
  convenience init(in image: OwnedDescriptor) throws {
    var name = [CChar](repeating: 0, count: 64)
    var device: Int32 = -1
    let attached = cs_loop_device(image.number, &device, &name, name.count)
    guard attached == 0 else { throw RookeryError.system("loop device", attached) }
    let loop = OwnedDescriptor(adopting: device)
    let path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var mounted: Int32 = -1
    var stage: UnsafePointer<CChar>?
    let options = Self.options.map { strdup($0) }
    defer { for option in options { free(option) } }
    let error = options.map { UnsafePointer($0) }.withUnsafeBufferPointer {
      cs_mount_btrfs(path, $0.baseAddress, $0.count, &mounted, &stage)
    }
    guard error == 0 else { throw RookeryError.system(stage.map { String(cString: $0) } ?? "mount", error) }
    let mount = OwnedDescriptor(adopting: mounted)
    let opened = cs_open_beneath(mounted, ".", O_RDONLY | O_DIRECTORY, 0)
    guard opened >= 0 else { throw RookeryError.system("open(volume)", -opened) }
    try self.init(root: Directory(adopting: opened), device: path, mount: mount, loop: loop)
  }

  private init(root: Directory, device: String?, mount: OwnedDescriptor?, loop: OwnedDescriptor?) throws {
    self.root = root
    self.device = device
    self.mount = mount
    self.loop = loop
    let enabled = cs_quota_enable(root.descriptor)
    guard enabled == 0 else { throw RookeryError.system("btrfs quota", enabled) }
    var uuid = [CChar](repeating: 0, count: 37)
    let known = cs_btrfs_uuid(root.descriptor, &uuid)
    guard known == 0 else { throw RookeryError.system("btrfs identity", known) }
    accounts = "/sys/fs/btrfs/" + String(decoding: uuid.prefix(36).map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/qgroups"
  }

  // MARK: Subvolumes

  /// Makes a subvolume that may hold at most `limit` bytes, its own administration included.
  func makeSubvolume(_ name: String, in directory: Directory, limit: Int) throws {
    let error = cs_subvolume_create(directory.descriptor, name)
    guard error == 0 else { throw Directory.failure("subvolume(\(name))", error) }
    let limited = cs_quota_limit(root.descriptor, try number(of: directory.existing(name)), UInt64(limit))
    guard limited == 0 else { throw Directory.failure("quota(\(name))", limited) }
  }

  /// A read-only subvolume that holds what `source` does now, on the disk when this returns.
  func snapshot(of source: Directory, as name: String, in directory: Directory) throws {
    let error = cs_subvolume_snapshot(directory.descriptor, name, source.descriptor)
    guard error == 0 else { throw Directory.failure("snapshot(\(name))", error) }
  }

  func number(of subvolume: Directory) throws -> UInt64 {
    var id: UInt64 = 0
    let error = cs_subvolume_id(subvolume.descriptor, &id)
    guard error == 0 else { throw Directory.failure("subvolume number", error) }
    return id
  }

  /// Destroys `name` when it is a subvolume, else those directly in it. What is no subvolume stays.
  static func destroySubvolumes(_ name: String, in directory: Directory) throws {
    var status = stat()
    guard fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
    if status.st_ino == CS_SUBVOLUME_INODE {
      let error = cs_subvolume_destroy(directory.descriptor, name)
      guard error == 0 else { throw Directory.failure("destroy(\(name))", error) }
      return
    }
    guard let parent = try directory.directory(name) else { return }
    for entry in try parent.entries() where entry.isDirectory {
      guard fstatat(parent.descriptor, entry.name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_ino == CS_SUBVOLUME_INODE else { continue }
      let error = cs_subvolume_destroy(parent.descriptor, entry.name)
      guard error == 0 else { throw Directory.failure("destroy(\(entry.name))", error) }
    }
  }

  // MARK: Accounts

  /// Bytes that the subvolume holds, and those that it is about to write; nil while the kernel doesn't tell.
  func usage(of subvolume: UInt64) -> (held: Int, coming: Int)? {
    let account = "\(accounts)/0_\(subvolume)/"
    func value(_ name: String) -> Int? {
      CgroupFile.read(account + name).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
    guard let held = value("referenced") else { return nil }
    return (held, ["rsv_data", "rsv_meta_pertrans", "rsv_meta_prealloc"].compactMap(value).reduce(0, +))
  }

  /// Forgets the accounts of subvolumes that are gone. `living`: looks for those that exist, after the accounts were listed, so that
  /// none that is made meanwhile is taken for gone.
  func forgetAccounts(living: () throws -> Set<UInt64>) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: accounts)) ?? []
    let counted = names.compactMap { $0.hasPrefix("0_") ? UInt64($0.dropFirst(2)) : nil }
    let living = try living()
    // 5 is the top of the file system itself. The kernel refuses where something still is.
    for id in counted where id >= CS_SUBVOLUME_INODE && !living.contains(id) { _ = cs_quota_forget(root.descriptor, id) }
  }
}
