// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/*
 * An rpmsg client driver: asks firmware for a sensor's value, on behalf of programs that have /dev/sensorN open.
 *
 * Each service of the firmware's is a sensor. It goes when the firmware stops or crashes, which may be in the midst of a request and while
 * programs have it open: those get -ENODEV from then on.
 */
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rpmsg.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>

#include "sensor.h"

/* Firmware that takes longer does not answer. */
#define SENSOR_PATIENCE		msecs_to_jiffies(500)

struct sensor {
	/* One for the bound device, and one for each open file. */
	struct kref users;
	struct miscdevice misc;
	char name[16];
	int number;

	/* One request at a time. It guards rpdev, too, which is NULL when the device has gone. */
	struct mutex lock;
	struct rpmsg_device *rpdev;

	/* Between the request and the callback with its answer. */
	spinlock_t answer_lock;
	struct completion answered;
	u32 sequence;
	bool waits;
	bool gone;
	struct sensor_answer answer;
	unsigned long answers;
};

static DEFINE_IDA(sensor_numbers);

static void sensor_release(struct kref *users)
{
	kfree(container_of(users, struct sensor, users));
}

static void sensor_put(void *sensor)
{
	kref_put(&((struct sensor *)sensor)->users, sensor_release);
}

/* Called with messages from the firmware, from before probe until after remove. */
static int sensor_callback(struct rpmsg_device *rpdev, void *data, int length, void *priv, u32 source)
{
	struct sensor *sensor = dev_get_drvdata(&rpdev->dev);
	const struct sensor_answer *answer = data;
	unsigned long flags;

	if (!sensor)
		return 0;
	if (length != sizeof(*answer)) {
		dev_warn_ratelimited(&rpdev->dev, "an answer of %d bytes, not %zu\n", length, sizeof(*answer));
		return 0;
	}
	spin_lock_irqsave(&sensor->answer_lock, flags);
	/* Another number is that of a request whose time was over. */
	if (sensor->waits && le32_to_cpu(answer->sequence) == sensor->sequence) {
		sensor->answer = *answer;
		sensor->answers++;
		sensor->waits = false;
		complete(&sensor->answered);
	}
	spin_unlock_irqrestore(&sensor->answer_lock, flags);
	return 0;
}

/* With the lock held. */
static int sensor_ask(struct sensor *sensor, u32 channel, s32 *value)
{
	struct sensor_request request = { .channel = cpu_to_le32(channel) };
	bool gone, waits;
	long left;
	int ret;

	if (!sensor->rpdev)
		return -ENODEV;

	spin_lock_irq(&sensor->answer_lock);
	gone = sensor->gone;
	request.sequence = cpu_to_le32(++sensor->sequence);
	sensor->waits = !gone;
	reinit_completion(&sensor->answered);
	spin_unlock_irq(&sensor->answer_lock);
	if (gone)
		return -ENODEV;

	/* Does not wait for a free buffer, as rpmsg_send() would for seconds: remove would have to wait as long. */
	ret = rpmsg_trysend(sensor->rpdev->ept, &request, sizeof(request));
	left = ret ? 0 : wait_for_completion_interruptible_timeout(&sensor->answered, SENSOR_PATIENCE);

	spin_lock_irq(&sensor->answer_lock);
	gone = sensor->gone;
	waits = sensor->waits;
	sensor->waits = false;
	spin_unlock_irq(&sensor->answer_lock);

	if (ret)
		return ret;
	if (waits)
		return gone ? -ENODEV : left < 0 ? left : -ETIMEDOUT;
	switch (le32_to_cpu(sensor->answer.status)) {
	case SENSOR_OK:
		*value = (s32)le32_to_cpu(sensor->answer.value);
		return 0;
	case SENSOR_NO_CHANNEL:
		return -EINVAL;
	default:
		return -EPROTO;
	}
}

static int sensor_open(struct inode *inode, struct file *file)
{
	struct sensor *sensor = container_of(file->private_data, struct sensor, misc);

	/* The misc core keeps the device registered meanwhile, and that has a reference. */
	kref_get(&sensor->users);
	file->private_data = sensor;
	return nonseekable_open(inode, file);
}

static int sensor_close(struct inode *inode, struct file *file)
{
	sensor_put(file->private_data);
	return 0;
}

static long sensor_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct sensor *sensor = file->private_data;
	struct sensor_reading __user *user = (struct sensor_reading __user *)argument;
	struct sensor_reading reading;
	int ret;

	if (command != SENSOR_READ)
		return -ENOTTY;
	if (copy_from_user(&reading, user, sizeof(reading)))
		return -EFAULT;
	ret = mutex_lock_interruptible(&sensor->lock);
	if (ret)
		return ret;
	ret = sensor_ask(sensor, reading.channel, &reading.value);
	mutex_unlock(&sensor->lock);
	if (ret)
		return ret;
	return copy_to_user(user, &reading, sizeof(reading)) ? -EFAULT : 0;
}

static const struct file_operations sensor_operations = {
	.owner = THIS_MODULE,
	.open = sensor_open,
	.release = sensor_close,
	.unlocked_ioctl = sensor_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static ssize_t answers_show(struct device *dev, struct device_attribute *attribute, char *text)
{
	struct sensor *sensor = dev_get_drvdata(dev);

	return sysfs_emit(text, "%lu\n", READ_ONCE(sensor->answers));
}
static DEVICE_ATTR_RO(answers);

static struct attribute *sensor_attrs[] = {
	&dev_attr_answers.attr,
	NULL,
};
ATTRIBUTE_GROUPS(sensor);

static int sensor_probe(struct rpmsg_device *rpdev)
{
	struct sensor *sensor;
	int ret;

	sensor = kzalloc(sizeof(*sensor), GFP_KERNEL);
	if (!sensor)
		return -ENOMEM;
	kref_init(&sensor->users);
	mutex_init(&sensor->lock);
	spin_lock_init(&sensor->answer_lock);
	init_completion(&sensor->answered);
	sensor->rpdev = rpdev;
	/*
	 * The rpmsg core ends the endpoint, and with it the callback, only after remove. What devm does comes behind that: the callback's
	 * reference is let go of there.
	 */
	ret = devm_add_action_or_reset(&rpdev->dev, sensor_put, sensor);
	if (ret)
		return ret;
	sensor->number = ida_alloc(&sensor_numbers, GFP_KERNEL);
	if (sensor->number < 0)
		return sensor->number;
	dev_set_drvdata(&rpdev->dev, sensor);

	snprintf(sensor->name, sizeof(sensor->name), "sensor%d", sensor->number);
	sensor->misc.minor = MISC_DYNAMIC_MINOR;
	sensor->misc.name = sensor->name;
	sensor->misc.fops = &sensor_operations;
	sensor->misc.parent = &rpdev->dev;
	ret = misc_register(&sensor->misc);
	if (ret) {
		ida_free(&sensor_numbers, sensor->number);
		return dev_err_probe(&rpdev->dev, ret, "no device %s\n", sensor->name);
	}
	dev_info(&rpdev->dev, "%s at 0x%x\n", sensor->name, rpdev->dst);
	return 0;
}

static void sensor_remove(struct rpmsg_device *rpdev)
{
	struct sensor *sensor = dev_get_drvdata(&rpdev->dev);

	/* Nobody opens it any more. Its number is free for the next, even while programs have this one open. */
	misc_deregister(&sensor->misc);
	ida_free(&sensor_numbers, sensor->number);

	/* A request that waits is let go, and none begins. */
	spin_lock_irq(&sensor->answer_lock);
	sensor->gone = true;
	complete(&sensor->answered);
	spin_unlock_irq(&sensor->answer_lock);

	mutex_lock(&sensor->lock);
	sensor->rpdev = NULL;
	mutex_unlock(&sensor->lock);
	dev_info(&rpdev->dev, "%s is gone\n", sensor->name);
}

static const struct rpmsg_device_id sensor_ids[] = {
	{ .name = SENSOR_SERVICE },
	{ }
};
MODULE_DEVICE_TABLE(rpmsg, sensor_ids);

static struct rpmsg_driver sensor_driver = {
	.drv = {
		.name = KBUILD_MODNAME,
		.dev_groups = sensor_groups,
	},
	.id_table = sensor_ids,
	.probe = sensor_probe,
	.callback = sensor_callback,
	.remove = sensor_remove,
};
module_rpmsg_driver(sensor_driver);

MODULE_DESCRIPTION("Example of an rpmsg client driver");
MODULE_LICENSE("GPL");
