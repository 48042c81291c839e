/*
 * What the addon uses of libuv 1, which Node exports. Its headers are in no package of npm, and its binary interface stays
 * the same for all of version 1: `open` checks that.
 */
#ifndef FRONTTCP_UV_H
#define FRONTTCP_UV_H

#include <stddef.h>

struct uv_loop_s;
typedef struct uv_handle_s uv_handle_t;

enum { UV_POLL = 8, UV_READABLE = 1 };

typedef void (*uv_poll_cb)(uv_handle_t *handle, int status, int events);
typedef void (*uv_close_cb)(uv_handle_t *handle);

unsigned int uv_version(void);
size_t uv_handle_size(int type);
void uv_handle_set_data(uv_handle_t *handle, void *data);
void *uv_handle_get_data(const uv_handle_t *handle);
int uv_poll_init(struct uv_loop_s *loop, uv_handle_t *handle, int fd);
int uv_poll_start(uv_handle_t *handle, int events, uv_poll_cb callback);
void uv_close(uv_handle_t *handle, uv_close_cb callback);

#endif
