/* slots_list - tasks in a row, linked through themselves */
#ifndef WORKER_SLOTS_LIST_H
#define WORKER_SLOTS_LIST_H

#include "worker/slots.h"

#include <stdint.h>

struct list {
    struct slot_task *head, *tail;
    uint32_t count;
};

static inline void list_append(struct list *list, struct slot_task *task)
{
    task->after = NULL;
    task->before = list->tail;
    if (list->tail)
        list->tail->after = task;
    else
        list->head = task;
    list->tail = task;
    list->count++;
}

static inline void list_prepend(struct list *list, struct slot_task *task)
{
    task->before = NULL;
    task->after = list->head;
    if (list->head)
        list->head->before = task;
    else
        list->tail = task;
    list->head = task;
    list->count++;
}

static inline void list_remove(struct list *list, struct slot_task *task)
{
    if (task->before)
        task->before->after = task->after;
    else
        list->head = task->after;
    if (task->after)
        task->after->before = task->before;
    else
        list->tail = task->before;
    task->before = task->after = NULL;
    list->count--;
}

#endif
