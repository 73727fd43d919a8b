import Foundation
import RookeryCommands

exit(await CommandLineTool.run())
