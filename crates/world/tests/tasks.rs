//! The tasks of a host: book-keeping, crashes, panics, the orderly end.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use world::{World, sim::Universe};

#[tokio::test]
async fn tasks_that_ended_are_forgotten() {
    let world = World::os();
    for _ in 0..1000 {
        world.tasks.spawn("brief", async {}).await.unwrap();
    }
    assert_eq!(world.tasks.len(), 0);
    assert_eq!(world.tasks.panicked(), 0);
}

#[tokio::test]
async fn dropping_the_owner_is_the_crash_and_clones_do_not_delay_it() {
    let world = World::os();
    let inner = world.clone();
    let outer = world.clone();
    let task = world.tasks.spawn("holds its world", async move {
        inner.tasks.spawn("its child", pending::<()>());
        pending::<()>().await;
    });
    tokio::task::yield_now().await;
    assert_eq!(outer.tasks.len(), 2);
    drop(outer.clone());
    assert_eq!(outer.tasks.len(), 2);

    drop(world);
    assert!(task.await.unwrap_err().is_cancelled());
    tokio::task::yield_now().await;
    assert!(outer.tasks.is_empty());
    assert!(
        outer
            .tasks
            .spawn("late", async {})
            .await
            .unwrap_err()
            .is_cancelled()
    );
}

#[tokio::test]
async fn a_panic_is_told_by_name() {
    let world = World::os();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    world
        .tasks
        .on_panic(move |name| hook.lock().unwrap().push(name));
    world.tasks.spawn("good", async {}).await.unwrap();
    let bad = world.tasks.spawn("bad", async { panic!("a bug") });
    assert!(bad.await.unwrap_err().is_panic());
    assert_eq!(*told.lock().unwrap(), ["bad"]);
    assert_eq!(world.tasks.panicked(), 1);
    assert!(world.tasks.is_empty());
}

#[test]
fn a_panic_elsewhere_is_not_blamed_on_the_tasks() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    let run = std::thread::Builder::new().spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let world = World::os();
            world
                .tasks
                .on_panic(move |name| hook.lock().unwrap().push(name));
            world.tasks.spawn("innocent", pending::<()>());
            tokio::task::yield_now().await;
            panic!("somebody else's bug");
        });
    });
    assert!(run.unwrap().join().is_err());
    assert!(told.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_the_willing_and_aborts_the_rest() {
    let universe = Universe::new(1);
    let world = universe.host("10.0.0.1".parse().unwrap());
    let clock = world.clock;
    let patience = Duration::from_secs(30);
    let begin = clock.now();
    world.tasks.spawn("willing", async move {
        clock.sleep(Duration::from_secs(5)).await;
    });
    assert_eq!(world.tasks.drain(&clock, begin + patience).await, 0);
    assert_eq!(clock.now() - begin, Duration::from_secs(5));

    let world = universe.host("10.0.0.1".parse().unwrap());
    let begin = clock.now();
    world.tasks.spawn("stubborn", pending::<()>());
    assert_eq!(world.tasks.drain(&clock, begin + patience).await, 1);
    assert_eq!(clock.now() - begin, patience);
}

#[tokio::test(start_paused = true)]
async fn threads_belong_to_the_machine() {
    let os = World::os();
    assert!(!os.tasks.inline());
    let (tell, told) = std::sync::mpsc::channel();
    let name = move || {
        tell.send(std::thread::current().name().map(String::from))
            .unwrap();
    };
    os.tasks.thread("writer", name).unwrap().join().unwrap();
    assert_eq!(told.recv().unwrap().as_deref(), Some("writer"));

    let sim = Universe::new(1).host("10.0.0.1".parse().unwrap());
    assert!(sim.tasks.inline());
    let refused = sim.tasks.thread("writer", || {}).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::Unsupported);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_threads_spawn_and_end_at_once() {
    let world = World::os();
    let tasks: Vec<_> = (0..2000)
        .map(|number| {
            let inner = world.clone();
            world.tasks.spawn("parent", async move {
                inner.tasks.spawn("child", async move { number }).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(world.tasks.is_empty());
}
