#ifndef CSANDBOX_SPAWN_H
#define CSANDBOX_SPAWN_H
#endif
