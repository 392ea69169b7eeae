// Clang's thread-safety attributes, under short names. Other compilers see
// nothing; the build configuration `thread-safety` checks them.
//
// The library has its own copy, with names that no program's macros clash with.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_THREAD_ANNOTATIONS_H_
#define HOLDFAST_CLIENTS_CPP_CORE_THREAD_ANNOTATIONS_H_

#if defined(__clang__)
#define HOLDFAST_CLIENT_ATTRIBUTE(x) __attribute__((x))
#else
#define HOLDFAST_CLIENT_ATTRIBUTE(x)
#endif

#define HOLDFAST_CAPABILITY(name) HOLDFAST_CLIENT_ATTRIBUTE(capability(name))
#define HOLDFAST_SCOPED_CAPABILITY HOLDFAST_CLIENT_ATTRIBUTE(scoped_lockable)
#define HOLDFAST_GUARDED_BY(mutex) HOLDFAST_CLIENT_ATTRIBUTE(guarded_by(mutex))
#define HOLDFAST_REQUIRES(...) HOLDFAST_CLIENT_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define HOLDFAST_ACQUIRE(...) HOLDFAST_CLIENT_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define HOLDFAST_RELEASE(...) HOLDFAST_CLIENT_ATTRIBUTE(release_capability(__VA_ARGS__))

#endif  // HOLDFAST_CLIENTS_CPP_CORE_THREAD_ANNOTATIONS_H_
