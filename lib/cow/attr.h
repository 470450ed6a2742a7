/*
 * Attributes inside cow; what others use is in cow.h.
 */
#ifndef COW_ATTR_H
#define COW_ATTR_H

#include <stdint.h>

struct cow;
struct cow_attr;

/* As cow_getattr(), with tree_lock held. */
int	attr_get(struct cow *c, uint64_t nodeid, struct cow_attr *attr);

#endif
