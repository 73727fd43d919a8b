import RookeryModel
import Testing

@testable import RookeryHost

@Suite struct CgroupLayoutTests {
  static let unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
  static let hybrid = """
    31 23 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
    32 31 0:28 / /sys/fs/cgroup/unified rw,relatime shared:10 - cgroup2 cgroup2 rw
    33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
    34 31 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
    35 31 0:31 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
    36 31 0:32 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
    """

  private func layout(_ text: String, _ controllers: Set<String>) -> CgroupLayout {
    CgroupLayout(mountInfo: text) { _ in controllers }
  }

  @Test func versionTwoAlone() {
    let layout = layout(Self.unified, ["cpu", "memory", "pids", "io"])
    #expect(layout.name == "v2")
    #expect(layout.hierarchies == [.init(path: "/sys/fs/cgroup", isUnified: true)])
    #expect(layout.missing == [])
  }

  @Test func versionTwoWithoutAControllerSaysWhich() {
    #expect(layout(Self.unified, ["cpu", "pids"]).missing == ["memory"])
  }

  @Test func versionOneAlone() {
    let text = Self.hybrid.split(separator: "\n").filter { !$0.contains("cgroup2") }.joined(separator: "\n")
    let layout = layout(text, [])
    #expect(layout.name == "v1")
    #expect(layout.memory == .init(path: "/sys/fs/cgroup/memory", isUnified: false))
    #expect(layout.cpu == .init(path: "/sys/fs/cgroup/cpu,cpuacct", isUnified: false))
    #expect(layout.freezer == .init(path: "/sys/fs/cgroup/freezer", isUnified: false))
    #expect(layout.missing == [] && layout.unified == nil && layout.hierarchies.count == 4)
  }

  @Test func bothSideBySide() {
    let layout = layout(Self.hybrid, [])
    #expect(layout.name == "hybrid")
    #expect(layout.memory?.isUnified == false)
    #expect(layout.freezer == .init(path: "/sys/fs/cgroup/unified", isUnified: true))
    #expect(layout.hierarchies.count == 4)
  }

  @Test(arguments: ["", "nonsense", "1 2 3 - cgroup", "31 23 0:27 / /x rw - cgroup cgroup"]) func brokenTablesHaveNothing(_ text: String) {
    #expect(layout(text, []).missing.count == 4)
  }
}
