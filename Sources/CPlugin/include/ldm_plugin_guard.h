// Names the plug-in whose code crashed.
#pragma once

/// From here on this thread runs code of the plug-in `name`, in its function `call`. Both strings must outlive the process's
/// next crash. Null: it runs the host's own again.
void ldm_plugin_guard(const char *name, const char *call);
