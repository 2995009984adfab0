//! What a program needs that std and libc would bring: an entry, an end, memory.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

// The kernel starts a program with an aligned stack and no return address.
global_asm!(".globl _start", "_start:", "xor ebp, ebp", "call {main}", "ud2", main = sym start);

extern "C" fn start() -> ! {
    crate::main();
    exit(0)
}

fn exit(status: i32) -> ! {
    // SAFETY: exit_group never returns and touches no memory.
    unsafe { asm!("syscall", in("rax") 231, in("rdi") status, options(noreturn, nostack)) }
}

/// Standard output.
pub struct Stdout;

impl Write for Stdout {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: write reads `text.len()` bytes of `text`; the kernel clobbers rcx and r11.
        unsafe {
            asm!(
                "syscall", inout("rax") 1usize => _, in("rdi") 1, in("rsi") text.as_ptr(),
                in("rdx") text.len(), out("rcx") _, out("r11") _, options(nostack, readonly),
            );
        }
        Ok(())
    }
}

static STATUS: AtomicI32 = AtomicI32::new(1);

/// What a panic from now on ends the program with.
pub fn exit_on_panic_with(status: i32) {
    STATUS.store(status, Ordering::Relaxed);
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Stdout, "no_std: {info}");
    exit(STATUS.load(Ordering::Relaxed))
}

/// Hands out memory and never takes it back.
struct Bump {
    arena: UnsafeCell<[u8; ARENA]>,
    used: AtomicUsize,
}

const ARENA: usize = 4 << 20;

#[global_allocator]
static BUMP: Bump = Bump {
    arena: UnsafeCell::new([0; ARENA]),
    used: AtomicUsize::new(0),
};

// SAFETY: `used` makes every piece of the arena belong to one caller.
unsafe impl Sync for Bump {}

// SAFETY: pieces are aligned, lie within the arena and never overlap.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let arena = self.arena.get().cast::<u8>();
        let (size, align) = (layout.size(), layout.align());
        // Room for the piece wherever it must start.
        let used = self.used.fetch_add(size + align, Ordering::Relaxed);
        if used + size + align > ARENA {
            return core::ptr::null_mut();
        }
        // SAFETY: at most `align` bytes on, with `size` bytes left, checked above.
        unsafe {
            let piece = arena.add(used);
            piece.add(piece.align_offset(align))
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

// The standard libraries below std are built for unwinding and name this; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

// The compiler calls these by name. String instructions, because it would turn a loop into the very
// call that it implements.

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller gives `n` readable and writable bytes that do not overlap.
    unsafe { asm!("rep movsb", inout("rcx") n => _, inout("rdi") to => _, inout("rsi") from => _) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if (to as usize).wrapping_sub(from as usize) >= n {
        // SAFETY: copying forwards never overwrites what is still to be read.
        return unsafe { memcpy(to, from, n) };
    }
    // SAFETY: as for memcpy, from the last byte (n > 0 here) to the first.
    unsafe {
        asm!(
            "std", "rep movsb", "cld", inout("rcx") n => _,
            inout("rdi") to.add(n - 1) => _, inout("rsi") from.add(n - 1) => _,
        );
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, n: usize) -> *mut u8 {
    // SAFETY: the caller gives `n` writable bytes.
    unsafe { asm!("rep stosb", inout("rcx") n => _, inout("rdi") to => _, in("al") byte as u8) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    for i in 0..n {
        // SAFETY: the caller gives `n` readable bytes in both.
        let (a, b) = unsafe { (a.add(i).read_volatile(), b.add(i).read_volatile()) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, n) }
}
