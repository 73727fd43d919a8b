#ifndef CSANDBOX_H
#define CSANDBOX_H
// The Linux calls that Swift cannot make, by topic.
#include "csandbox_btrfs.h"
#include "csandbox_command.h"
#include "csandbox_copy.h"
#include "csandbox_descriptors.h"
#include "csandbox_files.h"
#include "csandbox_landlock.h"
#include "csandbox_launch.h"
#include "csandbox_spawn.h"
#endif
