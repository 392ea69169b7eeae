// Clang's thread-safety attributes, under short names. Other compilers see
// nothing; the build configuration `asan` checks them.

#ifndef HOLDFAST_COMMON_THREAD_ANNOTATIONS_H_
#define HOLDFAST_COMMON_THREAD_ANNOTATIONS_H_

#if defined(__clang__)
#define HOLDFAST_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define HOLDFAST_THREAD_ATTRIBUTE(x)
#endif

#define CAPABILITY(name) HOLDFAST_THREAD_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY HOLDFAST_THREAD_ATTRIBUTE(scoped_lockable)
#ifndef GUARDED_BY  // Some of abseil's headers define it too, with the same meaning.
#define GUARDED_BY(mutex) HOLDFAST_THREAD_ATTRIBUTE(guarded_by(mutex))
#endif
#define REQUIRES(...) HOLDFAST_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) HOLDFAST_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) HOLDFAST_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) HOLDFAST_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))

#endif  // HOLDFAST_COMMON_THREAD_ANNOTATIONS_H_
