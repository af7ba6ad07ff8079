// The least module that passes for an application: it exports its entry and nothing else.
extern "C" __attribute__((visibility("default"))) int beam_module_entry(void* code) {
    return code == nullptr ? 1 : 0;
}
