#ifndef CSANDBOX_LANDLOCK_H
#define CSANDBOX_LANDLOCK_H

/// The version of Landlock that the kernel has; 0: none.
int cs_landlock_version(void);

/// Confines the calling process and everything that it will start: no device files, no commands to devices outside /dev, no mounts, and,
/// where the kernel can, no signals to and no abstract sockets of what was started elsewhere. 0, or an errno: ENOSYS where there is no
/// Landlock.
int cs_landlock_confine(void);
#endif
