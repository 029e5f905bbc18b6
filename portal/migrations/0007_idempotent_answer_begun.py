from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('portal', '0006_incidents'),
    ]

    operations = [
        migrations.AddField(
            model_name='idempotentanswer',
            name='begun',
            field=models.CharField(blank=True, default='', max_length=100),
        ),
    ]
